#pragma once

/// Finds secrets in a stream of bytes and puts "****" in their place.
///
/// All shapes of all secrets (secret_forms.h) are sought at once: a bitmap over a hash of four
/// bytes passes over the text, and only where it says "perhaps" the sorted shapes are walked. The
/// cost does not grow with the number of secrets, and memory is a few times their size.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace cupola::logs {

/// The shapes sought. Immutable: one may serve many streams and threads.
class MaskPatterns {
 public:
  explicit MaskPatterns(const std::vector<Secret>& secrets);
  ~MaskPatterns();
  MaskPatterns(const MaskPatterns&) = delete;
  MaskPatterns& operator=(const MaskPatterns&) = delete;

  bool empty() const { return patterns_.empty(); }

  /// Whether a shape may begin with the four bytes at `text`; wrong "yes" are rare.
  bool may_begin(const char* text) const {
    const std::uint32_t bit = hash(text);
    return (filter_[bit / 64] >> (bit % 64)) & 1;
  }

  struct Match {
    std::size_t length = 0;  ///< bytes of the longest shape found; 0: none
    bool open = false;       ///< the text ends where a longer one could go on
  };
  /// What begins at the front of `text` (at least one byte). One line break inside a shape is
  /// passed over between any two bytes after the first four: a value wrapped over lines.
  Match match(std::string_view text) const;

 private:
  static std::uint32_t hash(const char* text);

  std::string arena_;                       ///< holds the bytes of all patterns; wiped at the end
  std::vector<std::string_view> patterns_;  ///< sorted
  std::vector<std::uint64_t> filter_;
};

/// One stream of bytes through the mask. Holds back only what may be the beginning of a secret.
class Masker {
 public:
  explicit Masker(std::shared_ptr<const MaskPatterns> patterns) : patterns_(std::move(patterns)) {}

  /// The bytes that can be shown now. The view lasts until the next call, or as long as `bytes`.
  std::string_view push(std::string_view bytes) { return advance(bytes, false); }
  /// The stream ended: the rest.
  std::string_view finish() { return advance({}, true); }

 private:
  std::string_view advance(std::string_view bytes, bool last);

  // Shared by the masker of each stream of one log; read only.
  std::shared_ptr<const MaskPatterns> patterns_;
  std::string held_;        ///< bytes seen and not yet decided
  std::size_t hidden_ = 0;  ///< bytes at the front of held_ that belong to a secret already shown
  std::string joined_;      ///< held_ and the new bytes
  std::string shown_;
};

}  // namespace cupola::logs
