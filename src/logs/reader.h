#pragma once

/// Reading a run's log: pages by line number, live or finished and compressed alike.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/outcome.h"
#include "base/time.h"
#include "logs/writer.h"

namespace cupola::logs {

struct Line {
  std::uint64_t number = 0;  ///< from 0
  Instant time;
  Stream stream = Stream::output;
  bool continued = false;  ///< its end is in the next line
  std::string text;        ///< bytes as they came (after masking), without the newline
};

/// A log open for reading; the same from a live and a compressed one, also when it is compressed
/// or removed meanwhile. Holds two file descriptors. Not for several threads.
class Reader {
 public:
  /// Errors: not_found; malformed when the files are damaged at their head or seek table.
  static Result<Reader> open(const std::filesystem::path& path);
  Reader(Reader&&) noexcept;
  ~Reader();

  /// Lines whole at this moment (a live log grows).
  std::uint64_t lines() const;
  /// Lines from number `from`, at most `most` and about `bytes` of text; in time that does not
  /// depend on `from`. Empty at the end. A line that is damaged comes as a platform line that says
  /// so.
  std::vector<Line> read(std::uint64_t from, std::size_t most, std::size_t bytes = 4u << 20) const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cupola::logs
