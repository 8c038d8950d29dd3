#pragma once

/// The supervisor's files in the run's folder. Inner to `supervisor`.

#include <filesystem>
#include <string_view>

namespace cupola::supervisor {

/// Puts `content` at `path` whole (rename), not durable: what it tells ends with the machine.
/// Throws Failure.
void put_file(const std::filesystem::path& path, std::string_view content);

/// A file whose space is taken before it is needed, so that a disk that a run's log fills up cannot
/// take away what must be told of the run: that it started, and how it ended. Throws Failure.
class ReservedFile {
 public:
  explicit ReservedFile(std::filesystem::path path);
  /// As `put_file`, in the space that was taken.
  void put(std::string_view content) const;
  /// Writes, fsyncs, and renames to the path. Tries again for a minute when the disk says no: all
  /// of it, because after an fsync that failed a second one tells nothing of what the first one
  /// lost; and in a new file, because the old one's blocks may be bad.
  void commit(std::string_view content) const;

 private:
  enum class Durable { no, yes };
  void write(std::string_view content, Durable durable) const;
  std::filesystem::path path_;
  std::filesystem::path reserve_;
};

}  // namespace cupola::supervisor
