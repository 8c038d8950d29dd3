#pragma once

/// A lock that processes and threads hold against one another by a file; the kernel lets go of it
/// when its holder ends, however it ends.

#include <filesystem>
#include <optional>
#include <stop_token>

#include "base/files.h"

namespace cupola {

class FileLock {
 public:
  /// Waits until the lock on `path` (made when absent, and left there) is this object's. Empty
  /// when `stop` was asked for meanwhile. Throws Failure when the file cannot be opened.
  static std::optional<FileLock> take(const std::filesystem::path& path,
                                      const std::stop_token& stop = {});
  /// The same without waiting: empty when another holds it.
  static std::optional<FileLock> try_take(const std::filesystem::path& path);

 private:
  explicit FileLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace cupola
