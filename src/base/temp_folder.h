#pragma once

/// A new folder that goes with its object, and all that is in it.

#include <filesystem>
#include <string_view>

namespace cupola {

class TempFolder {
 public:
  /// `parent`/`name`-XXXXXX, for the owner alone (0700); without a parent where the system has its
  /// temporary files. Throws Failure with the path and the system's words.
  explicit TempFolder(std::string_view name, std::filesystem::path parent = {});
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cupola
