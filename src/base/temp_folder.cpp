#include "base/temp_folder.h"

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/files.h"
#include "base/text.h"

namespace cupola {

TempFolder::TempFolder(std::string_view name, std::filesystem::path parent) {
  if (parent.empty()) {
    std::error_code error;
    parent = std::filesystem::temp_directory_path(error);
    if (error) throw Failure("There is no folder for temporary files: " + error.message());
  }
  std::string path = (parent / name).string() + "-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    throw Failure("Cannot make the folder " + path + ": " + system_text(errno));
  path_ = path;
}

TempFolder::~TempFolder() {
  remove_tree(path_);
}

}  // namespace cupola
