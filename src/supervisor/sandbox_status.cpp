#include "supervisor/sandbox_status.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "process/kernel_file.h"
#include "process/launch.h"

namespace cupola::supervisor {
namespace {

/// struct pidfd_info of <linux/pidfd.h>, first version with the exit code; Debian 12's headers are
/// older than it.
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup = 0;
  std::array<std::uint32_t, 11> ids{};
  std::int32_t exit_status = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t info_exit = 1u << 3;
const unsigned long get_info = _IOWR(0xff, 11, PidfdInfo);

std::string first_line_of(const std::string& file) {
  return std::string(trim(split(process::text_of(file), '\n').front()));
}

}  // namespace

void SandboxStatus::feed(std::string_view bytes) {
  for (const char byte : bytes) {
    if (byte != '\n') {
      if (line_.size() < 4096) line_ += byte;
      continue;
    }
    const auto value = parse_json(line_);
    line_.clear();
    if (!value || !value->is_object()) continue;
    const json::object& object = value->get_object();
    if (object.contains("child-pid")) init_pid_ = static_cast<int>(number_at(object, "child-pid"));
    if (object.contains("exit-code")) exit_code_ = static_cast<int>(number_at(object, "exit-code"));
  }
}

std::optional<Process> hold_process(int pid) {
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return std::nullopt;
  return Process{.pid = pid, .pidfd = std::move(pidfd)};
}

// Only the namespace's first process reaps the program, and it does so when all is over: between
// the listing and the pidfd the number stays its own.
std::optional<Process> find_program_below(int init_pid) {
  const std::string children = first_line_of(fmt::format("/proc/{0}/task/{0}/children", init_pid));
  int pid = 0;
  std::from_chars(children.data(), children.data() + children.size(), pid);
  return pid > 0 ? hold_process(pid) : std::nullopt;
}

void LaunchReport::feed(std::string_view bytes) {
  constexpr std::size_t longest = 1024;
  text_ += bytes.substr(0, longest - std::min(longest, text_.size()));
}

std::string_view LaunchReport::error() const {
  const std::string_view text = text_;
  return text.starts_with(process::launch_mark) ? text.substr(1) : text;
}

std::optional<End> end_of(const Process& process) {
  PidfdInfo info;
  info.mask = info_exit;
  if (::ioctl(process.pidfd.get(), get_info, &info) != 0 || (info.mask & info_exit) == 0) {
    return std::nullopt;
  }
  if (WIFSIGNALED(info.exit_status)) return End{.signal = WTERMSIG(info.exit_status)};
  return End{.code = WEXITSTATUS(info.exit_status)};
}

End end_from_code(int code) {
  for (const int signal : {SIGKILL, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
    if (code == 128 + signal) return {.signal = signal};
  }
  return {.code = code};
}

}  // namespace cupola::supervisor
