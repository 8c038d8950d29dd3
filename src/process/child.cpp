#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "process/program.h"

namespace cupola::process {
namespace {

std::chrono::milliseconds to_span(const timeval& time) {
  return std::chrono::milliseconds(time.tv_sec * 1000 + time.tv_usec / 1000);
}

}  // namespace

Child::Child(int pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Child::~Child() {
  if (pid_ <= 0) return;
  signal_group(SIGKILL);
  wait();
}

int Child::pid() const {
  return pid_;
}

int Child::pidfd() const {
  return pidfd_.get();
}

void Child::signal(int number) const {
  if (pid_ > 0) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

// Not reaped yet, so its number, which is its group's too, cannot be another's.
void Child::signal_group(int number) const {
  if (pid_ > 0) ::kill(-pid_, number);
}

Exit Child::wait() {
  CUPOLA_CHECK(pid_ > 0);
  const pid_t pid = std::exchange(pid_, -1);
  int status = 0;
  struct rusage usage {};
  pid_t reaped = -1;
  do {
    reaped = ::wait4(pid, &status, 0, &usage);
  } while (reaped < 0 && errno == EINTR);
  CUPOLA_CHECK(reaped == pid);
  Exit exit;
  if (WIFSIGNALED(status)) {
    exit.signal = WTERMSIG(status);
    exit.code = 128 + exit.signal;
  } else {
    exit.code = WEXITSTATUS(status);
  }
  exit.cpu_time = to_span(usage.ru_utime) + to_span(usage.ru_stime);
  exit.peak_memory = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
  return exit;
}

int Child::detach() {
  pidfd_.reset();
  return std::exchange(pid_, -1);
}

}  // namespace cupola::process
