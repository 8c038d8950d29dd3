#include "process/ownership.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

Error cannot(const fs::path& path, int error) {
  return {error == ENOENT ? Error::Kind::not_found : Error::Kind::forbidden,
          fmt::format("Cannot change the owner of {}: {}.", path.string(), system_text(error))};
}

Result<void> give_entry(int folder, const char* name, const fs::path& path, unsigned uid);

Result<void> give_content(Fd folder, const fs::path& path, unsigned uid) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(folder.get()), ::closedir);
  if (!entries) return cannot(path, errno);
  const int fd = folder.release();  // closedir closes it
  while (const dirent* entry = ::readdir(entries.get())) {
    const char* name = entry->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    if (auto given = give_entry(fd, name, path / name, uid); !given) return given;
  }
  return {};
}

Result<void> give_entry(int folder, const char* name, const fs::path& path, unsigned uid) {
  struct ::stat status {};
  if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return cannot(path, errno);
  if ((status.st_uid != uid || status.st_gid != uid) &&
      ::fchownat(folder, name, uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
    return cannot(path, errno);
  }
  if (!S_ISDIR(status.st_mode)) return {};
  Fd below(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!below) return cannot(path, errno);
  return give_content(std::move(below), path, uid);
}

}  // namespace

Result<void> give_to(const fs::path& path, unsigned uid) {
  return give_entry(AT_FDCWD, path.c_str(), path, uid);
}

}  // namespace cupola::process
