#include "process/copy_tree.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

Error cannot(const fs::path& path, int error) {
  return {Error::Kind::unavailable,
          fmt::format("Cannot copy to {}: {}.", path.string(), system_text(error))};
}

Result<void> copy_bytes(const Fd& in, const Fd& out, const fs::path& to) {
  if (::ioctl(out.get(), FICLONE, in.get()) == 0) return {};
  for (;;) {
    const ssize_t count = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, 1u << 30, 0);
    if (count == 0) return {};
    if (count < 0 && errno != EINTR) break;
  }
  if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP) return cannot(to, errno);
  std::array<char, 1u << 16> buffer;
  for (;;) {
    const ssize_t count = ::read(in.get(), buffer.data(), buffer.size());
    if (count == 0) return {};
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot(to, errno);
    for (ssize_t at = 0; at < count;) {
      const ssize_t written =
          ::write(out.get(), buffer.data() + at, static_cast<std::size_t>(count - at));
      if (written < 0 && errno != EINTR) return cannot(to, errno);
      if (written > 0) at += written;
    }
  }
}

Result<void> copy_regular(const fs::path& from, const fs::path& to) {
  const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in) return cannot(from, errno);
  const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out) return cannot(to, errno);
  return copy_bytes(in, out, to);
}

/// Owner first: a change of it takes away bits of the mode.
Result<void> copy_attributes(const struct ::stat& status, const fs::path& to,
                             std::optional<unsigned> uid) {
  if (uid && ::lchown(to.c_str(), *uid, *uid) != 0) return cannot(to, errno);
  if (!S_ISLNK(status.st_mode) && ::chmod(to.c_str(), status.st_mode & 0777u) != 0) {
    return cannot(to, errno);
  }
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::utimensat(AT_FDCWD, to.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return cannot(to, errno);
  }
  return {};
}

Result<void> copy_entry(const fs::path& from, const fs::path& to, std::optional<unsigned> uid) {
  struct ::stat status {};
  if (::lstat(from.c_str(), &status) != 0) return cannot(from, errno);
  struct ::stat there {};
  if (::lstat(to.c_str(), &there) == 0) {
    return S_ISDIR(status.st_mode) && S_ISDIR(there.st_mode) ? copy_tree(from, to, uid)
                                                             : Result<void>();
  }
  Result<void> copied;
  if (S_ISDIR(status.st_mode)) {
    if (::mkdir(to.c_str(), 0700) != 0) return cannot(to, errno);
    copied = copy_tree(from, to, uid);
  } else if (S_ISLNK(status.st_mode)) {
    std::error_code error;
    fs::copy_symlink(from, to, error);
    if (error) return cannot(to, error.value());
  } else if (S_ISREG(status.st_mode)) {
    copied = copy_regular(from, to);
  } else {
    return {};
  }
  return copied ? copy_attributes(status, to, uid) : copied;
}

}  // namespace

Result<void> copy_tree(const fs::path& from, const fs::path& to, std::optional<unsigned> uid) {
  std::error_code error;
  fs::directory_iterator entries(from, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& path = entries->path();
    if (auto copied = copy_entry(path, to / path.filename(), uid); !copied) return copied;
  }
  if (error) return cannot(from, error.value());
  return {};
}

}  // namespace cupola::process
