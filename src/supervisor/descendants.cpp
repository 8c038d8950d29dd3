#include "supervisor/descendants.h"

#include <cerrno>
#include <charconv>
#include <csignal>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "process/kernel_file.h"

namespace cupola::supervisor {
namespace {

std::chrono::microseconds to_span(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

void kill_children() {
  const std::string list = process::text_of(fmt::format("/proc/self/task/{}/children", ::getpid()));
  for (const auto word : split(list, ' ')) {
    int pid = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), pid).ec != std::errc{}) continue;
    if (pid <= 1) continue;
    ::kill(pid, SIGKILL);
  }
}

}  // namespace

void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void reap_orphans(int besides) {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
    if (info.si_pid == 0 || info.si_pid == besides) return;
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

bool end_descendants(std::chrono::milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  for (;;) {
    const pid_t reaped = ::waitpid(-1, nullptr, WNOHANG);
    if (reaped < 0 && errno == ECHILD) return true;
    if (reaped > 0 || (reaped < 0 && errno == EINTR)) continue;
    if (std::chrono::steady_clock::now() >= until) return false;
    kill_children();
    ::usleep(300);
  }
}

ResourcesUsed used_by_descendants() {
  struct rusage usage {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return {.cpu_time = std::chrono::duration_cast<std::chrono::milliseconds>(
              to_span(usage.ru_utime) + to_span(usage.ru_stime)),
          .peak_memory = static_cast<std::int64_t>(usage.ru_maxrss) * 1024};
}

}  // namespace cupola::supervisor
