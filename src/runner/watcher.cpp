#include "runner/watcher.h"

#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/outcome.h"
#include "supervisor/spec.h"

namespace cupola::runner {
namespace {

void add_to(const Fd& epoll, int fd) {
  ::epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST) {
    throw Failure("Cannot watch a run: " + system_text(errno));
  }
}

}  // namespace

Watcher::Watcher()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!epoll_ || !inotify_ || !wake_) throw Failure("Cannot watch runs: " + system_text(errno));
  add_to(epoll_, inotify_.get());
  add_to(epoll_, wake_.get());
}

void Watcher::watch(const RunId& run, int pidfd, const std::filesystem::path& folder) {
  Watched watched{.pidfd = pidfd};
  add_to(epoll_, pidfd);
  by_pidfd_.emplace(pidfd, run);
  watched.inotify = ::inotify_add_watch(inotify_.get(), folder.c_str(),
                                        IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
  if (watched.inotify >= 0) by_inotify_.emplace(watched.inotify, run);
  watched_.emplace(run, watched);
}

void Watcher::forget(const RunId& run) {
  const auto found = watched_.find(run);
  if (found == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.pidfd, nullptr);
  by_pidfd_.erase(found->second.pidfd);
  if (found->second.inotify >= 0) {
    ::inotify_rm_watch(inotify_.get(), found->second.inotify);
    by_inotify_.erase(found->second.inotify);
  }
  watched_.erase(found);
}

void Watcher::wake() {
  const std::uint64_t one = 1;
  // A full counter wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

Events Watcher::wait(std::chrono::milliseconds longest) {
  std::array<::epoll_event, 64> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()),
                                 static_cast<int>(std::max<std::int64_t>(0, longest.count())));
  Events events;
  for (int i = 0; i < count; ++i) {
    const int fd = ready[static_cast<std::size_t>(i)].data.fd;
    if (fd == wake_.get()) {
      std::uint64_t value = 0;
      [[maybe_unused]] const ssize_t got = ::read(fd, &value, sizeof value);
      events.woken = true;
    } else if (fd == inotify_.get()) {
      read_inotify(events);
    } else if (const auto run = by_pidfd_.find(fd); run != by_pidfd_.end()) {
      events.ended.push_back(run->second);
    }
  }
  return events;
}

void Watcher::read_inotify(Events& events) {
  alignas(::inotify_event) std::array<char, 16384> buffer{};
  const std::string wanted = supervisor::started_file("").filename();
  for (;;) {
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length <= 0) return;
    for (ssize_t at = 0; at < length;) {
      ::inotify_event event{};
      std::copy_n(buffer.data() + at, sizeof event, reinterpret_cast<char*>(&event));
      const char* name = buffer.data() + at + sizeof event;
      if (event.len > 0 && wanted == name) {
        if (const auto run = by_inotify_.find(event.wd); run != by_inotify_.end()) {
          events.started.push_back(run->second);
        }
      }
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace cupola::runner
