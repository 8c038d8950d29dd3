#pragma once

/// Writing a run's log: lines as they came, masked, with time and stream, findable by number.
///
/// Files beside `path` (docs/design/log-format.md): PATH.log holds the bytes of the lines,
/// PATH.index one fixed-size record a line (offset, time, stream). The index record is written
/// after its bytes, so a reader never sees a torn line. `compress` turns both into seekable zstd
/// when finished. One process at a time writes or compresses a log (flock on the index).

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "base/secret.h"
#include "base/time.h"

namespace cupola::logs {

enum class Stream : std::uint8_t {
  output = 0,
  error = 1,
  platform = 2
};  ///< platform: Cupola's own lines

struct WriterOptions {
  std::vector<Secret> masked;  ///< values shown as "****", also encoded and split over chunks;
                               ///< those of less than 4 bytes are not (log-format.md, limits)
  std::uint64_t limit =
      4ull << 30;  ///< bytes of both files; after it one line says that the rest is dropped, and
                   ///< notes alone are kept, as far as another MiB
  std::uint32_t longest_line = 1u << 20;  ///< a longer one is stored in pieces marked as continued;
                                          ///< 64 bytes to 16 MiB
};

/// One writer for a log; not for several threads. Memory stays flat whatever comes (a line of 1 GiB
/// too). Throws Failure when the disk is full or broken; what was written before stays readable,
/// and what waits in memory is tried again by the next `flush`. Dropping a writer without `close`
/// loses what was not flushed.
class Writer {
 public:
  /// Opens PATH for appending, making folders; a torn tail of an earlier writer is cut off. Throws
  /// Failure when another process writes it, when it is compressed, or is no log of ours.
  static Writer open(const std::filesystem::path& path, const WriterOptions& options);
  Writer(Writer&&) noexcept;
  ~Writer();

  /// Bytes in any pieces; a line is kept when its newline comes, or at `close`. Each stream has its
  /// own unfinished line. A line whose end may be the beginning of a secret waits for what follows.
  void append(Stream stream, std::string_view bytes, Instant now);
  /// A line of Cupola's own (several, if it holds newlines); masked too.
  void note(std::string_view text, Instant now);
  /// Gives what was appended to the kernel, so that followers see it. Cheap when nothing waits.
  void flush();
  /// Ends open lines (the stream closed without a newline), flushes, fsyncs.
  void close(Instant now);
  std::uint64_t lines() const;  ///< whole ones, those that wait for `flush` included
  std::uint64_t bytes() const;  ///< of text, newlines included

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Replaces the finished log's files by PATH.log.zst and PATH.index.zst (seekable frames); atomic:
/// a kill leaves the one or the other, and calling again finishes. Does nothing when that is done
/// already. Takes a second for some hundred MiB. Throws Failure, also while a writer is open.
void compress(const std::filesystem::path& path);
/// Removes all files of the log.
void remove(const std::filesystem::path& path);

}  // namespace cupola::logs
