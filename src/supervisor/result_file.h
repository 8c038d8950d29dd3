#pragma once

/// The supervisor's files in the run's folder. Inner to `supervisor`.

#include <filesystem>
#include <string_view>

namespace cupola::supervisor {

/// Puts `content` at `path` whole (rename), not durable: what it tells ends with the machine.
/// Throws Failure.
void put_file(const std::filesystem::path& path, std::string_view content);

/// A file whose space is taken before it is needed, so that a full disk cannot take the result of a
/// run away. Throws Failure.
class ReservedFile {
 public:
  explicit ReservedFile(std::filesystem::path path);
  /// Writes, fsyncs, and renames to the path. Tries again for a minute when the disk says no.
  void commit(std::string_view content) const;

 private:
  void try_commit(std::string_view content) const;
  std::filesystem::path path_;
  std::filesystem::path reserve_;
};

}  // namespace cupola::supervisor
