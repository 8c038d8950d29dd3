#pragma once

/// A folder for one step of building, gone with the object.

#include <filesystem>

#include "base/files.h"
#include "base/home.h"
#include "base/id.h"

namespace cupola::deploy {

class WorkFolder {
 public:
  /// Below the environments, so that it is on their file system. Throws Failure.
  explicit WorkFolder(const Home& home) : path_(home.environments() / (".work-" + new_uuid7())) {
    make_folder(home.environments(), 0755);
    make_folder(path_, 0700);
  }
  ~WorkFolder() { remove_tree(path_); }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cupola::deploy
