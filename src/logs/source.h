#pragma once

/// Bytes that can be read at any position: of a file, or of what a compressed file holds.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/files.h"
#include "base/outcome.h"

namespace cupola::logs {

/// Not for several threads.
class Source {
 public:
  virtual ~Source() = default;
  /// Grows while the file is written.
  virtual std::uint64_t size() const = 0;
  /// Reads up to `size` bytes; fewer at the end, or where the file is damaged.
  virtual std::size_t read(std::uint64_t offset, char* to, std::size_t size) = 0;
};

/// The file itself.
std::unique_ptr<Source> file_source(Fd fd);

/// What the zstd frames of the file hold, found by the seek table at its end. Error: malformed.
Result<std::unique_ptr<Source>> seekable_source(Fd fd, const std::filesystem::path& path);

}  // namespace cupola::logs
