#pragma once

/// Text that must not be shown: it neither prints, nor logs, nor converts by itself.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace cupola {

/// Values shorter than this are not masked in logs: they would be found in every second word.
inline constexpr std::size_t shortest_masked = 6;

/// Holds a secret text and overwrites its memory when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      text_ = std::move(other.text_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  /// The text itself; each call is a place where a secret leaves its type, so keep them few.
  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  void wipe() noexcept;
  std::string text_;
};

}  // namespace cupola
