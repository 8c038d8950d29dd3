#include "base/files.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/id.h"
#include "base/text.h"

namespace cupola {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_all(const Fd& fd, const fs::path& path, std::size_t limit) {
  std::string content;
  std::string buffer(std::min<std::size_t>(limit + 1, 65536), '\0');
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Failure("Cannot read " + path.string() + ": " + system_text(errno));
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return Error{Error::Kind::too_large,
                   path.string() + " is larger than " + std::to_string(limit) + " bytes."};
    }
  }
}

Result<void> check_regular(const Fd& fd, const fs::path& path) {
  struct ::stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{Error::Kind::invalid, path.string() + " is not a regular file."};
  }
  return {};
}

[[noreturn]] void fail(const char* what, const fs::path& path) {
  const int error = errno;
  throw Failure(std::string(what) + " " + path.string() + ": " + system_text(error));
}

/// Renames are durable only once the folder itself is written.
void sync_folder(const fs::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) fail("Cannot write the folder", folder);
}

}  // namespace

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Fd> open_beneath(const fs::path& beneath, const fs::path& path) {
  const Fd folder(::open(beneath.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return Error{Error::Kind::not_found, "There is no folder " + beneath.string() + "."};
  struct ::open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Fd file(static_cast<int>(::syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how)));
  if (!file) {
    const int error = errno;
    const auto kind =
        error == ENOENT || error == ENOTDIR ? Error::Kind::not_found : Error::Kind::invalid;
    if (error == ELOOP)
      return Error{kind, path.string() + " is, or goes through, a symbolic link."};
    if (error == EXDEV) return Error{kind, path.string() + " leads out of its folder."};
    return Error{kind, "Cannot open " + path.string() + ": " + system_text(error) + "."};
  }
  if (const auto regular = check_regular(file, path); !regular) return regular.error();
  return file;
}

Result<std::string> read_file(const fs::path& path, std::size_t limit) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    const auto kind =
        errno == ENOENT || errno == ENOTDIR ? Error::Kind::not_found : Error::Kind::invalid;
    return Error{kind, "Cannot open " + path.string() + ": " + system_text(errno) + "."};
  }
  if (const auto regular = check_regular(file, path); !regular) return regular.error();
  return read_all(file, path, limit);
}

Result<std::string> read_file_beneath(const fs::path& beneath, const fs::path& path,
                                      std::size_t limit) {
  const auto file = open_beneath(beneath, path);
  if (!file) return file.error();
  return read_all(*file, path, limit);
}

void write_file(const fs::path& path, std::string_view content, unsigned mode, Lasting lasting) {
  const fs::path temporary = path.string() + "." + random_hex(6) + ".new";
  {
    const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file) fail("Cannot write", temporary);
    for (std::string_view rest = content; !rest.empty();) {
      const ssize_t count = ::write(file.get(), rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int error = errno;
        ::unlink(temporary.c_str());
        errno = error;
        fail("Cannot write", path);
      }
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    if (lasting == Lasting::on_disk && ::fsync(file.get()) != 0) {
      const int error = errno;
      ::unlink(temporary.c_str());
      errno = error;
      fail("Cannot write", path);
    }
  }
  crash_point("file.written");
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    errno = error;
    fail("Cannot write", path);
  }
  if (lasting == Lasting::on_disk)
    sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

Fd file_in_memory(std::string_view content) {
  Fd file(::memfd_create("cupola", MFD_CLOEXEC));
  if (!file) fail("Cannot make a file", "in memory");
  while (!content.empty()) {
    const ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("Cannot write a file", "in memory");
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

void make_folder(const fs::path& path, unsigned mode) {
  std::error_code unreadable;  // then mkdir(2) tells why
  if (path.empty() || fs::is_directory(path, unreadable)) return;
  if (path.has_relative_path()) make_folder(path.parent_path(), mode);
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return;
  throw Failure("Cannot make the folder " + path.string() + ": " + system_text(errno) +
                ". Make the one above it writable for this user, or choose another.");
}

bool remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return true;
  // A read-only folder keeps its files when the remover is not root: open them up, then once more.
  for (auto it = fs::recursive_directory_iterator(
           path, fs::directory_options::skip_permission_denied, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->is_directory(error) && !it->is_symlink(error)) {
      fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, error);
    }
  }
  fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, error);
  fs::remove_all(path, error);
  return !error;
}

double free_share(const fs::path& path) {
  struct ::statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0 || status.f_blocks == 0) return 1;
  return static_cast<double>(status.f_bavail) / static_cast<double>(status.f_blocks);
}

}  // namespace cupola
