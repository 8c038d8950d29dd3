#include "process/disk_use.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::process {
namespace {

constexpr std::int64_t least_of_an_entry = 1024;
/// Folders within folders, each of which is held open on the way.
constexpr int deepest = 200;

std::int64_t use_of(const struct ::stat& status) {
  return std::max<std::int64_t>(least_of_an_entry, status.st_blocks * 512);
}

std::int64_t use_below(Fd folder, dev_t device, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(folder.get()), ::closedir);
  if (!entries) return 0;
  const int fd = folder.release();  // closedir closes it
  std::int64_t sum = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    const char* name = entry->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    struct ::stat status {};
    if (::fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (status.st_dev != device) continue;
    sum += use_of(status);
    if (!S_ISDIR(status.st_mode) || depth == deepest) continue;
    Fd below(::openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below) sum += use_below(std::move(below), device, depth + 1);
  }
  return sum;
}

}  // namespace

std::int64_t disk_use(const std::filesystem::path& folder) {
  Fd top(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct ::stat status {};
  if (!top || ::fstat(top.get(), &status) != 0) return 0;
  return use_of(status) + use_below(std::move(top), status.st_dev, 0);
}

}  // namespace cupola::process
