// cupola-launch: the last step into a sandbox.
//
// Started with the rights of the one who made the sandbox, it gives them up for good and becomes
// the run's program. Linked whole and without the dynamic loader, so that nothing that the run's
// environment names is loaded before the rights are gone.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/launch.h"
#include "seccomp_filter.inc"

namespace {

using namespace cupola::process;

constexpr const char* usage =
    "usage: cupola-launch [--uid N] [--limit RESOURCE:VALUE]... [--with-parent PID] [--report FD]\n"
    "                     [--close FD] -- PROGRAM [ARGUMENT]...\n"
    "Gives up all rights and becomes PROGRAM. Cupola starts it.\n";

constexpr std::size_t most_limits = 16;

struct Orders {
  unsigned uid = 0;  ///< 0: stays as it is
  pid_t parent = 0;  ///< 0: may go
  int report = -1;
  int close = -1;
  std::array<std::pair<int, rlim_t>, most_limits> limits;
  std::size_t limit_count = 0;
  char** program = nullptr;
};

int report_fd = -1;

__attribute__((format(printf, 1, 2))) [[noreturn]] void fail(const char* format, ...) {
  const int error = errno;
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char line[640];
  const int length = std::snprintf(line, sizeof line, "%s: %s", text, std::strerror(error));
  const int to = report_fd >= 0 ? report_fd : STDERR_FILENO;
  [[maybe_unused]] const ssize_t written =
      ::write(to, line, std::min(static_cast<std::size_t>(length), sizeof line - 1));
  ::_exit(127);
}

template <typename Number>
const char* read_number(const char* text, Number& number) {
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  return error == std::errc{} ? stop : nullptr;
}

/// False when it is no whole number.
template <typename Number>
bool whole_number(const char* text, Number& number) {
  const char* stop = text == nullptr ? nullptr : read_number(text, number);
  return stop != nullptr && *stop == '\0';
}

bool read_limit(const char* text, Orders& orders) {
  if (text == nullptr || orders.limit_count == most_limits) return false;
  auto& [resource, value] = orders.limits[orders.limit_count++];
  const char* colon = read_number(text, resource);
  return colon != nullptr && *colon == ':' && whole_number(colon + 1, value);
}

bool read_orders(char** words, Orders& orders) {
  for (++words; *words != nullptr; ++words) {
    const auto is = [&](const char* name) { return std::strcmp(*words, name) == 0; };
    if (is("--")) {
      orders.program = words + 1;
      return *orders.program != nullptr;
    }
    const char* value = *(words + 1);
    const bool read = (is("--uid") && whole_number(value, orders.uid) && orders.uid != 0) ||
                      (is("--limit") && read_limit(value, orders)) ||
                      (is("--with-parent") && whole_number(value, orders.parent)) ||
                      (is("--report") && whole_number(value, orders.report)) ||
                      (is("--close") && whole_number(value, orders.close));
    if (!read) return false;
    ++words;
  }
  return false;
}

void set_limits(const Orders& orders) {
  for (std::size_t i = 0; i < orders.limit_count; ++i) {
    const auto& [resource, value] = orders.limits[i];
    const rlimit limit{value, value};
    if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) {
      fail("Cannot set resource limit %d", resource);
    }
  }
}

void become_user(unsigned uid) {
  if (::setgroups(0, nullptr) != 0) fail("Cannot leave all groups");
  if (::setresgid(uid, uid, uid) != 0) fail("Cannot become group %u", uid);
  if (::setresuid(uid, uid, uid) != 0) fail("Cannot become user %u", uid);
}

/// Those that cannot be dropped (an ordinary user's bounding set) are of no use without new
/// privileges.
void empty_bounding_set() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return;
  }
}

void drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) fail("Cannot give up capabilities");
}

/// What the steps before promise, asked of the kernel.
void check_powerless(unsigned uid) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0) fail("Cannot read capabilities");
  for (const auto& word : held) {
    if (word.effective != 0 || word.permitted != 0 || word.inheritable != 0) {
      errno = EPERM;
      fail("Capabilities are left");
    }
  }
  if (uid == 0) return;
  uid_t real = 0, effective = 0, saved = 0;
  ::getresuid(&real, &effective, &saved);
  if (real != uid || effective != uid || saved != uid) {
    errno = EPERM;
    fail("The user is not %u", uid);
  }
}

/// Without the mitigation that old kernels switch on with a filter: a run has nothing to guard from
/// itself, and it costs.
void load_filter() {
  const sock_fprog program{
      .len = static_cast<unsigned short>(sizeof seccomp_filter / sizeof *seccomp_filter),
      .filter = const_cast<sock_filter*>(seccomp_filter)};
  constexpr unsigned long flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0) return;
  if (errno == EINVAL && ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) return;
  fail("Cannot load the filter of system calls");
}

/// The kernel forgets this at a change of user.
void stay_with(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("Cannot follow the parent");
  if (::getppid() != parent) ::_exit(127);
}

/// Variables that were kept from the helpers get their names back.
void give_late_environment() {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, late_prefix.data(), late_prefix.size()) == 0) {
      *entry += late_prefix.size();
    }
  }
}

}  // namespace

int main(int, char** argv) {
  Orders orders;
  if (!read_orders(argv, orders)) {
    std::fputs(usage, stderr);
    return 2;
  }
  if (orders.close >= 0) ::close(orders.close);
  if (orders.report >= 0) {
    if (::fcntl(orders.report, F_SETFD, FD_CLOEXEC) != 0) fail("Cannot use the report");
    report_fd = orders.report;
    if (::write(report_fd, &launch_mark, 1) != 1) fail("Cannot report");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("Cannot renounce new privileges");
  set_limits(orders);
  empty_bounding_set();
  if (orders.uid != 0) become_user(orders.uid);
  drop_capabilities();
  check_powerless(orders.uid);
  if (orders.parent > 0) stay_with(orders.parent);
  load_filter();
  give_late_environment();
  ::execvpe(*orders.program, orders.program, environ);
  fail("Cannot start '%.200s'", *orders.program);
}
