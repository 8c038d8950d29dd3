#include "runner/local_supervisor.h"

#include <thread>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/kernel_file.h"
#include "runner/folder.h"
#include "supervisor/spec.h"

namespace cupola::runner {
namespace {

std::optional<supervisor::SupervisorProcess> process_in(const std::filesystem::path& folder) {
  const auto text = read_file(supervisor::supervisor_file(folder), 4096);
  if (!text) return std::nullopt;
  const auto parsed = supervisor::parse_supervisor_process(*text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

std::optional<supervisor::SupervisorProcess> wait_for_process(const std::filesystem::path& folder) {
  for (int tries = 0; tries < 30; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(100ms);
    if (const auto process = process_in(folder)) return process;
    if (!std::filesystem::exists(folder)) return std::nullopt;
  }
  return std::nullopt;
}

/// Empty when it is gone.
Fd hold(const supervisor::SupervisorProcess& process) {
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (pidfd && process::start_time_of(process.pid) != process.start_time) pidfd.reset();
  return pidfd;
}

/// Out of the way of a supervisor that is only now getting there: it finds no folder, or one of
/// another start. One that got there just before is seen in it.
void abandon(const std::filesystem::path& folder) {
  const auto aside = std::filesystem::path(folder.string() + ".abandoned");
  std::error_code error;
  std::filesystem::rename(folder, aside, error);
  end_supervisor(aside);
  remove_tree(aside);
}

bool ends_within(const Fd& pidfd, std::chrono::milliseconds limit) {
  ::pollfd watched{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace

LocalSupervisor::LocalSupervisor(process::Child child) : child_(std::move(child)) {}

LocalSupervisor::LocalSupervisor(Fd pidfd) : pidfd_(std::move(pidfd)) {}

LocalSupervisor::~LocalSupervisor() {
  if (!child_) return;
  if (has_ended()) {
    child_->wait();
  } else {
    child_->detach();
  }
}

bool LocalSupervisor::has_ended() const {
  ::pollfd watched{.fd = pidfd(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

void LocalSupervisor::signal(int number) {
  ::syscall(SYS_pidfd_send_signal, pidfd(), number, nullptr, 0);
}

Found find_supervisor(const std::filesystem::path& folder, int attempt) {
  const bool is_its = attempt_in(folder) == attempt;
  const auto process = is_its ? wait_for_process(folder) : std::nullopt;
  if (!process) {
    abandon(folder);
    return {.kind = Found::Kind::never_started};
  }
  Fd pidfd = hold(*process);
  if (!pidfd) return {.kind = Found::Kind::ended};
  return {.kind = Found::Kind::alive,
          .supervisor = std::make_unique<LocalSupervisor>(std::move(pidfd))};
}

void end_supervisor(const std::filesystem::path& folder) {
  const auto process = process_in(folder);
  if (!process) return;
  const Fd pidfd = hold(*process);
  if (!pidfd) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  ends_within(pidfd, 5s);
}

}  // namespace cupola::runner
