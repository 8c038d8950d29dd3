#include "process/strays.h"

#include <charconv>
#include <csignal>
#include <filesystem>
#include <string>

#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "process/kernel_file.h"

namespace cupola::process {
namespace {

bool has_entry(std::string_view environment, std::string_view entry) {
  while (!environment.empty()) {
    const auto end = environment.find('\0');
    if (environment.substr(0, end) == entry) return true;
    if (end == std::string_view::npos) return false;
    environment.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

int kill_strays(std::string_view variable) {
  int killed = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), last; !error && it != last;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    int pid = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (fault != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    // Held before it is looked at: its number may go to another one meanwhile.
    const Fd held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!held || !has_entry(text_of(it->path() / "environ"), variable)) continue;
    if (::syscall(SYS_pidfd_send_signal, held.get(), SIGKILL, nullptr, 0) == 0) ++killed;
  }
  return killed;
}

}  // namespace cupola::process
