#pragma once

/// Other programs, started without a shell: argv and environment are exactly what is given.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/outcome.h"

namespace cupola::process {

/// One of setrlimit(2)'s limits, soft and hard alike.
struct ResourceLimit {
  int resource = 0;  ///< RLIMIT_…
  std::uint64_t value = 0;
};

/// A program to start. The child gets a session (and so a process group) of its own, only the file
/// descriptors named here, default signal handlers and an empty signal mask.
struct Program {
  std::vector<std::string> argv;  ///< argv[0] is looked up in `env`'s PATH unless it has a slash
  std::map<std::string, std::string> env;  ///< all of it: nothing is inherited
  std::filesystem::path folder;            ///< working directory; empty: the present one
  /// Killed by the kernel when the thread that started it ends. Lost when the program changes its
  /// user; a sandbox has its own way.
  bool dies_with_parent = false;
  std::vector<ResourceLimit> limits;
  /// Files `cgroup.procs` of the control groups that it joins before it becomes the program.
  std::vector<std::filesystem::path> control_groups;
};

/// How a process ended.
struct Exit {
  int code = 0;    ///< exit code; 128 + signal when a signal ended it
  int signal = 0;  ///< 0 when none did
  bool timed_out = false;
  bool stopped = false;  ///< by the stop token
  std::chrono::milliseconds cpu_time{0};
  std::int64_t peak_memory = 0;  ///< bytes
  bool ok() const { return code == 0 && signal == 0 && !timed_out && !stopped; }
};

/// A started child. Reaped by `wait`; the destructor kills its group and reaps it.
class Child {
 public:
  Child(int pid, Fd pidfd);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();
  int pid() const;
  int pidfd() const;                    ///< readable when the process ended
  void signal(int number) const;        ///< to the process itself
  void signal_group(int number) const;  ///< to its whole group
  /// Waits for its end, reaps it, and tells how it ended, with what it and the descendants that it
  /// waited for used. Once.
  Exit wait();
  /// Lets the process live on, unreaped, when this object goes.
  int detach();

 private:
  int pid_;
  Fd pidfd_;
};

/// Where a child's standard streams go; -1 is /dev/null.
struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
  /// Further descriptors of ours that the child gets under the same number.
  std::vector<int> also;
};

/// Starts it in well under a millisecond whatever the size of this process (vfork semantics, never
/// a copy of the address space); any thread. Errors: not_found (no such program or folder), invalid
/// (not executable, a limit or group that cannot be set), too_large (argv and env), unavailable (no
/// memory or process to be had).
Result<Child> start(const Program& program, const Streams& streams);

struct Limits {
  std::chrono::milliseconds timeout{std::chrono::minutes{10}};
  std::size_t output = 16u << 20;  ///< bytes kept of each stream; the rest is read and dropped
  /// Asked once a second; when it says false, the program is ended as for a stop.
  std::function<bool()> may_go_on;
};
struct Output {
  Exit exit;
  std::string out;
  std::string err;
};

/// Runs it to its end with `input` as its standard input. On time-out or stop its group gets
/// SIGTERM and, after 5 s, SIGKILL. What it leaves behind in its group is killed when it ends.
/// `on_line` is called with each whole line of both streams as it comes (the last also without its
/// newline, an overlong one in pieces of 64 KiB). `also` as in Streams.
Result<Output> run(const Program& program, const Limits& limits = {}, std::string_view input = {},
                   const std::function<void(std::string_view line)>& on_line = {},
                   const std::stop_token& stop = {}, const std::vector<int>& also = {});

/// The path of an executable file found in `search_path` (as PATH), or nothing.
std::optional<std::filesystem::path> find_program(std::string_view name,
                                                  std::string_view search_path);

/// The variables that this process was given.
std::map<std::string, std::string> own_environment();

/// What helper programs such as git and uv get: PATH, HOME (a scratch folder), LANG, and of this
/// process's own environment only proxies, certificates and private index settings (HTTPS_PROXY,
/// NO_PROXY, SSL_CERT_FILE, GIT_SSL_CAINFO, UV_INDEX_URL, PIP_INDEX_URL, PIP_EXTRA_INDEX_URL,
/// PIP_FIND_LINKS …): docs/configuration.md lists them.
std::map<std::string, std::string> helper_environment(const std::filesystem::path& home);

}  // namespace cupola::process
