#include "base/file_lock.h"

#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "base/outcome.h"

namespace cupola {
namespace {

Fd open_lock(const std::filesystem::path& path) {
  Fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file) {
    throw Failure(
        fmt::format("cannot open the lock file {}: {}", path.string(), system_text(errno)));
  }
  return file;
}

bool lock_now(const Fd& file, const std::filesystem::path& path) {
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) {
      throw Failure(fmt::format("cannot lock {}: {}", path.string(), system_text(errno)));
    }
  }
  return true;
}

}  // namespace

std::optional<FileLock> FileLock::take(const std::filesystem::path& path,
                                       const std::stop_token& stop) {
  Fd file = open_lock(path);
  auto pause = std::chrono::milliseconds{1};
  while (!lock_now(file, path)) {
    if (stop.stop_requested()) return std::nullopt;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds{50});
  }
  return FileLock(std::move(file));
}

std::optional<FileLock> FileLock::try_take(const std::filesystem::path& path) {
  Fd file = open_lock(path);
  if (!lock_now(file, path)) return std::nullopt;
  return FileLock(std::move(file));
}

}  // namespace cupola
