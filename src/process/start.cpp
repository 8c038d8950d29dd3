#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "process/program.h"

// clone(2) under its other name in glibc: the thread sanitizer replaces the first one by something
// that takes the child, which shares its memory, for a fork.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

enum class Step { none, streams, session, group, limit, folder, exec };

/// All that the child needs, made before it is: it shares our memory and must not allocate.
struct Plan {
  const char* path = nullptr;
  const char* folder = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  std::array<int, 3> streams{-1, -1, -1};
  const int* also = nullptr;
  std::size_t also_count = 0;
  const ResourceLimit* limits = nullptr;
  std::size_t limit_count = 0;
  const char* const* groups = nullptr;
  std::size_t group_count = 0;
  bool dies_with_parent = false;
  pid_t parent = 0;
  // Written by the child when it fails.
  Step failed = Step::none;
  std::size_t failed_index = 0;
  int error = 0;
};

#define CUPOLA_IN_CHILD __attribute__((no_sanitize("address", "undefined", "thread")))

CUPOLA_IN_CHILD int give_up(Plan& plan, Step step, std::size_t index = 0) {
  plan.failed = step;
  plan.failed_index = index;
  plan.error = errno;
  ::_exit(127);
}

CUPOLA_IN_CHILD void default_signals() {
  // As the kernel has it: glibc keeps two signals to itself, which a parent may have ignored too.
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } const action = {SIG_DFL, 0, nullptr, 0};
  for (int number = 1; number < NSIG; ++number) {
    ::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
  }
}

/// First all out of the way of 0, 1 and 2, then to their places.
CUPOLA_IN_CHILD void place_streams(Plan& plan) {
  int placed[3] = {-1, -1, -1};
  for (int i = 0; i < 3; ++i) {
    const int from = plan.streams[static_cast<std::size_t>(i)];
    int fd = from < 0 ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : from;
    if (fd >= 0 && fd < 3) fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) give_up(plan, Step::streams);
    placed[i] = fd;
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(placed[i], i) < 0) give_up(plan, Step::streams);
  }
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(plan, Step::streams);
  for (std::size_t i = 0; i < plan.also_count; ++i) {
    if (::fcntl(plan.also[i], F_SETFD, 0) != 0) give_up(plan, Step::streams);
  }
}

CUPOLA_IN_CHILD void join_groups(Plan& plan) {
  for (std::size_t i = 0; i < plan.group_count; ++i) {
    const int fd = ::open(plan.groups[i], O_WRONLY | O_CLOEXEC);
    if (fd < 0 || ::write(fd, "0", 1) != 1) give_up(plan, Step::group, i);
    ::close(fd);
  }
}

CUPOLA_IN_CHILD void set_limits(Plan& plan) {
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    struct rlimit limit;
    limit.rlim_cur = plan.limits[i].value;
    limit.rlim_max = plan.limits[i].value;
    const auto resource = static_cast<__rlimit_resource_t>(plan.limits[i].resource);
    if (::setrlimit(resource, &limit) != 0) give_up(plan, Step::limit, i);
  }
}

/// The child, on a stack of its own in our memory, while the thread that made it waits.
CUPOLA_IN_CHILD int child_main(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  default_signals();
  if (::setsid() < 0) give_up(plan, Step::session);
  if (plan.dies_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(plan, Step::session);
    if (::getppid() != plan.parent) ::_exit(127);
  }
  place_streams(plan);
  join_groups(plan);
  if (plan.folder != nullptr && ::chdir(plan.folder) != 0) give_up(plan, Step::folder);
  set_limits(plan);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.path, plan.argv, plan.envp);
  return give_up(plan, Step::exec);
}

/// A stack for the child, with an unusable page at its end.
class Stack {
 public:
  Stack() : base_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0)) {
    if (base_ != MAP_FAILED) ::mprotect(base_, 4096, PROT_NONE);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (base_ != MAP_FAILED) ::munmap(base_, size);
  }
  bool usable() const { return base_ != MAP_FAILED; }
  void* top() const { return static_cast<char*>(base_) + size; }

 private:
  static constexpr std::size_t size = 128u << 10;
  static constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
  void* base_;
};

Error start_error(const Program& program, const fs::path& path, const Plan& plan) {
  const std::string name = cupola::quoted(program.argv.front());
  const std::string words = system_text(plan.error);
  switch (plan.failed) {
    case Step::folder:
      return {plan.error == ENOENT ? Error::Kind::not_found : Error::Kind::invalid,
              fmt::format("Cannot start {} in {}: {}.", name, program.folder.string(), words)};
    case Step::group:
      return {Error::Kind::invalid,
              fmt::format("Cannot start {} in the control group {}: {}.", name,
                          program.control_groups[plan.failed_index].string(), words)};
    case Step::limit:
      return {Error::Kind::invalid, fmt::format("Cannot start {} with resource limit {} at {}: {}.",
                                                name, program.limits[plan.failed_index].resource,
                                                program.limits[plan.failed_index].value, words)};
    case Step::exec:
      if (plan.error == ENOENT && ::access(path.c_str(), F_OK) == 0) {
        return {Error::Kind::invalid,
                fmt::format("Cannot start {}: the interpreter that it names is missing.",
                            path.string())};
      }
      if (plan.error == E2BIG) {
        return {Error::Kind::too_large,
                fmt::format("Cannot start {}: arguments and environment are too long.", name)};
      }
      return {plan.error == ENOENT ? Error::Kind::not_found : Error::Kind::invalid,
              fmt::format("Cannot start {}: {}.", path.string(), words)};
    default:
      return {Error::Kind::unavailable, fmt::format("Cannot start {}: {}.", name, words)};
  }
}

Result<fs::path> locate(const Program& program) {
  if (program.argv.empty() || program.argv.front().empty()) {
    return Error{Error::Kind::invalid, "Cannot start a program without a name."};
  }
  const std::string& name = program.argv.front();
  if (name.find('/') != std::string::npos) return fs::path(name);
  const auto path = program.env.find("PATH");
  const std::string search = path == program.env.end() ? "/usr/bin:/bin" : path->second;
  if (auto found = find_program(name, search)) return *std::move(found);
  return Error{Error::Kind::not_found,
               fmt::format("There is no program {} in {}.", cupola::quoted(name), search),
               "Install it, or put its folder into PATH."};
}

bool has_zero(const Program& program) {
  for (const auto& word : program.argv) {
    if (word.find('\0') != std::string::npos) return true;
  }
  for (const auto& [name, value] : program.env) {
    if (name.empty() || name.find('=') != std::string::npos) return true;
    if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos) return true;
  }
  return false;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// Keeps signals from being handled by the child before its handlers are gone.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Result<Child> start(const Program& program, const Streams& streams) {
  const auto path = locate(program);
  if (!path) return path.error();
  if (has_zero(program)) {
    return Error{Error::Kind::invalid,
                 fmt::format("Cannot start {}: an argument or variable holds a zero byte, or a "
                             "variable's name is empty or holds a '='.",
                             cupola::quoted(program.argv.front()))};
  }
  std::vector<std::string> argv = program.argv;
  std::vector<std::string> env;
  for (const auto& [name, value] : program.env) env.push_back(fmt::format("{}={}", name, value));
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> env_pointers = pointers(env);
  std::vector<const char*> groups;
  for (const auto& group : program.control_groups) groups.push_back(group.c_str());

  Plan plan{.path = path->c_str(),
            .folder = program.folder.empty() ? nullptr : program.folder.c_str(),
            .argv = argv_pointers.data(),
            .envp = env_pointers.data(),
            .streams = {streams.in, streams.out, streams.err},
            .also = streams.also.data(),
            .also_count = streams.also.size(),
            .limits = program.limits.data(),
            .limit_count = program.limits.size(),
            .groups = groups.data(),
            .group_count = groups.size(),
            .dies_with_parent = program.dies_with_parent,
            .parent = ::getpid()};
  const Stack stack;
  int pidfd = -1;
  int pid = -1;
  if (stack.usable()) {
    const SignalsBlocked blocked;
    pid = ::__clone(child_main, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan,
                    &pidfd);
  }
  if (pid < 0) {
    return Error{
        Error::Kind::unavailable,
        fmt::format("Cannot start {}: {}.", cupola::quoted(argv.front()), system_text(errno)),
        "Memory or processes have run out; it can be tried again."};
  }
  Fd held(pidfd);
  if (plan.failed != Step::none) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return start_error(program, *path, plan);
  }
  return Child(pid, std::move(held));
}

std::optional<fs::path> find_program(std::string_view name, std::string_view search_path) {
  if (name.empty() || name.find('/') != std::string_view::npos) return std::nullopt;
  for (const std::string_view folder : split(search_path, ':')) {
    if (folder.empty()) continue;
    const fs::path path = fs::path(folder) / name;
    struct ::stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return std::nullopt;
}

}  // namespace cupola::process
