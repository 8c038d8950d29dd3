#include "app/home_folder.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/id.h"
#include "base/outcome.h"
#include "base/text.h"

namespace cupola::app {
namespace {

/// What `write_file` was writing when a server was killed.
void remove_unfinished(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (it->path().extension() == ".new") std::filesystem::remove(it->path(), ignored);
  }
}

}  // namespace

HeldHome::HeldHome(const Home& home) {
  make_folder(home.root(), 0700);
  crash_point("home.made");
  lock_ = Fd(::open(home.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) {
    throw Failure(fmt::format(
        "Cannot write in the folder {}: {}. Give another one with --home, or make it writable.",
        home.root().string(), system_text(errno)));
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_file(home.lock(), 64);
    throw Failure(fmt::format(
        "The folder {} is in use by another server{}. Stop that one, or give another folder with "
        "--home.",
        home.root().string(),
        holder && !trim(*holder).empty() ? fmt::format(" (process {})", trim(*holder)) : ""));
  }
  crash_point("home.held");
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock_.get(), 0) != 0 || ::pwrite(lock_.get(), pid.data(), pid.size(), 0) < 0) {
    throw Failure(fmt::format("Cannot write {}: {}.", home.lock().string(), system_text(errno)));
  }

  remove_unfinished(home.root());
  const auto id_file = home.root() / "server-id";
  if (const auto kept = read_file(id_file, 64); kept && is_uuid_hex(trim(*kept))) {
    server_id_ = trim(*kept);
  } else {
    server_id_ = new_uuid7();
    write_file(id_file, server_id_ + "\n", 0600);
    crash_point("home.named");
  }
}

}  // namespace cupola::app
