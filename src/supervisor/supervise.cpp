#include "supervisor/supervise.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/boot_clock.h"
#include "base/crash_point.h"
#include "base/files.h"
#include "base/text.h"
#include "process/kernel_file.h"
#include "process/program.h"
#include "supervisor/descendants.h"
#include "supervisor/disk_watch.h"
#include "supervisor/result_file.h"
#include "supervisor/run_limits.h"
#include "supervisor/run_log.h"
#include "supervisor/sandbox_status.h"
#include "supervisor/server_watch.h"

namespace cupola::supervisor {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
/// After the end of all processes only what is in the pipes can still come.
constexpr std::chrono::seconds drain_for{10};
constexpr std::chrono::milliseconds silence_ends_drain{300};
constexpr std::chrono::seconds end_within{5};
constexpr int pipe_size = 256 << 10;
/// What writes without end has no long time to tidy up.
constexpr std::chrono::seconds grace_when_disk_is_over{5};

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure("Cannot make a pipe: " + system_text(errno));
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  ::fcntl(ends[0], F_SETPIPE_SZ, pipe_size);
  return {Fd(ends[0]), Fd(ends[1])};
}

/// SIGTERM and SIGCHLD as readable events; what a terminal or a broken pipe would send is ignored.
Fd take_signals() {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE}) ::signal(number, SIG_IGN);
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGTERM);
  ::sigaddset(&watched, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  Fd fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw Failure("Cannot watch for signals: " + system_text(errno));
  return fd;
}

bool leads_to(const std::filesystem::path& path, const Fd& folder) {
  struct ::stat there {};
  struct ::stat held {};
  return ::stat(path.c_str(), &there) == 0 && ::fstat(folder.get(), &held) == 0 &&
         there.st_dev == held.st_dev && there.st_ino == held.st_ino;
}

/// Says in the folder who holds the run. Through what was opened, not by its path: that may be
/// moved away at any time, and another be made there for the run's next start.
void put_name(const RunSpec& spec) {
  const Fd folder(::open(spec.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw Failure("Cannot open " + spec.folder.string() + ": " + system_text(errno));
  const auto opened = std::filesystem::path("/proc/self/fd") / std::to_string(folder.get());
  const bool is_ours = spec.start.empty() || read_file(start_file(opened), 256) == spec.start;
  if (is_ours) {
    put_file(supervisor_file(opened),
             to_json_text(SupervisorProcess{
                 .pid = ::getpid(), .start_time = process::start_time_of(::getpid()).value_or(0)}));
    if (leads_to(spec.folder, folder)) return;
  }
  throw Failure(spec.folder.string() + " is no longer that of this start of the run.");
}

class Supervision {
 public:
  Supervision(const RunSpec& spec, Fd signals)
      : spec_(spec),
        signals_(std::move(signals)),
        started_(started_file(spec.folder)),
        result_(result_file(spec.folder)),
        log_(spec),
        server_(spec.server_sign, spec.longest_silence),
        disk_(spec) {}

  void run() {
    for (const std::string& note : spec_.notes) log_.note(note);
    outcome_.started_at = BootClock(spec_.booted_at).now();
    if (auto started = start(); started) {
      while (!ended_) step();
      end();
    } else {
      outcome_.start_error = to_text(started.error());
      log_.note(outcome_.start_error);
    }
    finish();
  }

 private:
  Result<void> start() {
    const process::Support& support =
        spec_.support ? *spec_.support : process::sandbox_support(spec_.folder);
    kind_ = process::effective_kind(spec_.sandbox, support);
    isolation_ = support.text;
    limits_.emplace(spec_);
    isolation_ += limits_->text();
    if (auto connected = enter_network(); !connected) return connected.error();
    auto mounted = process::enter_mounts(spec_.sandbox, support);
    if (!mounted) return mounted.error();
    crash_point("supervisor.mounted");
    if (!mounted->empty()) isolation_ += ", " + *mounted;
    if (spec_.start_before > 0ms && up_time() > spec_.start_before) {
      return Error{Error::Kind::unavailable,
                   "Its server was held up for so long that another may have taken its place."};
    }
    return start_program(support);
  }

  Result<void> enter_network() {
    if (!spec_.network) return {};
    auto network = process::RunNetwork::enter(*spec_.network);
    if (!network) return network.error();
    network_.emplace(*network);
    isolation_ += "; own network";
    return {};
  }

  process::Program inside() const {
    process::Program program{.argv = spec_.command, .env = spec_.env};
    for (const auto& [name, secret] : spec_.secrets) {
      program.env.emplace(name, std::string(secret.reveal()));
    }
    program.dies_with_parent = true;
    limits_->apply(program);
    return program;
  }

  Result<void> start_program(const process::Support& support) {
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    Pipe status = make_pipe();
    Pipe report = make_pipe();
    const auto program = process::sandboxed(
        inside(), spec_.sandbox, support,
        {.status = status.write.get(), .launch = report.write.get()}, spec_.files);
    auto child = process::start(program.program,
                                {.out = out.write.get(),
                                 .err = err.write.get(),
                                 .also = program.also({status.write.get(), report.write.get()})});
    if (!child) return child.error();
    child_.emplace(*std::move(child));
    crash_point("supervisor.program_started");
    out_ = std::move(out.read);
    err_ = std::move(err.read);
    status_pipe_ = std::move(status.read);
    report_pipe_ = std::move(report.read);
    timeout_at_ = Clock::now() + std::min<std::chrono::milliseconds>(spec_.timeout, 8760h);
    if (kind_ == process::SandboxKind::none) {
      program_ = hold_process(child_->pid());
      tell_started(child_->pid());
    }
    return {};
  }

  void tell_started(int pid) {
    is_started_ = true;
    alive_at_ = Clock::now();
    crash_point("supervisor.alive");
    started_.put(to_json_text(
        Started{.pid = pid, .at = BootClock(spec_.booted_at).now(), .sandbox = isolation_}));
    crash_point("supervisor.alive_told");
  }

  Time next_time() const {
    Time next = Clock::now() + 1h;
    for (const auto& time : {log_.flush_due(), disk_.due(), timeout_at_, kill_at_, server_.due()}) {
      if (time) next = std::min(next, *time);
    }
    return next;
  }

  void step() {
    std::array<pollfd, 6> fds{{{signals_.get(), POLLIN, 0},
                               {child_->pidfd(), POLLIN, 0},
                               {out_.get(), POLLIN, 0},
                               {err_.get(), POLLIN, 0},
                               {status_pipe_.get(), POLLIN, 0},
                               {report_pipe_.get(), POLLIN, 0}}};
    const auto wait = next_time() - Clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
    if (fds[2].revents != 0) pump(out_, logs::Stream::output);
    if (fds[3].revents != 0) pump(err_, logs::Stream::error);
    if (fds[4].revents != 0) read_status();
    if (fds[5].revents != 0) read_report();
    if (fds[0].revents != 0) read_signals();
    if (fds[1].revents != 0) ended_ = true;
    const Time now = Clock::now();
    if (log_.flush_due() && now >= *log_.flush_due()) log_.flush();
    if (ended_) return;
    if (disk_.due() && now >= *disk_.due()) look_at_disk();
    if (timeout_at_ && now >= *timeout_at_) {
      if (!outcome_.stopped) outcome_.timed_out = true;
      ask_to_end(spec_.grace);
    }
    if (server_.due() && now >= *server_.due() && server_.is_silent(now)) give_up(now);
    if (kill_at_ && now >= *kill_at_) kill_all();
  }

  /// Another server may count the run as lost soon; nothing of it must be alive by then.
  void give_up(Time now) {
    if (!kill_at_) {
      outcome_.server_silent = true;
      ask_to_end(spec_.grace);
    }
    kill_at_ = std::min(*kill_at_, now + spec_.longest_silence / 10);
  }

  /// One read of what is there, so that the other stream, signals and times get their turn.
  bool pump(Fd& fd, logs::Stream stream) {
    const ssize_t count = ::read(fd.get(), buffer_.data(), buffer_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (count <= 0) {
      fd.reset();
      return false;
    }
    const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
    if (!is_started_ && stream == logs::Stream::error && early_words_.size() < 4096) {
      early_words_ += bytes.substr(0, 4096);
    }
    log_.append(stream, bytes);
    return true;
  }

  void read_status() {
    const ssize_t count = ::read(status_pipe_.get(), buffer_.data(), buffer_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return status_pipe_.reset();
    status_.feed({buffer_.data(), static_cast<std::size_t>(count)});
    if (status_.init_pid() && !init_) init_ = hold_process(*status_.init_pid());
  }

  /// Its end is the moment in which the launcher has become the program, or has failed.
  void read_report() {
    const ssize_t count = ::read(report_pipe_.get(), buffer_.data(), buffer_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) return report_.feed({buffer_.data(), static_cast<std::size_t>(count)});
    report_pipe_.reset();
    if (is_started_ || !report_.was_reached() || !report_.error().empty()) return;
    // The program is the only child of the namespace's first process.
    if (status_pipe_) read_status();
    if (init_) program_ = find_program_below(init_->pid);
    tell_started(program_ ? program_->pid : 0);
    if (kill_at_) signal_program(SIGTERM);
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGTERM && !kill_at_) {
        outcome_.stopped = true;
        ask_to_end(spec_.grace);
        crash_point("supervisor.stop_taken");
      }
    }
    reap_orphans(child_->pid());
  }

  void look_at_disk() {
    disk_.look(program_ ? std::optional(program_->pid) : std::nullopt);
    if (!disk_.is_over() || kill_at_) return;
    outcome_.out_of_disk = true;
    ask_to_end(std::min<std::chrono::milliseconds>(spec_.grace, grace_when_disk_is_over));
  }

  std::string why_it_ends() const {
    if (outcome_.out_of_disk) {
      return fmt::format(
          "The run has written {} MiB, more than its limit of {} MiB: it is asked to "
          "end.",
          disk_.used() >> 20, spec_.disk_limit >> 20);
    }
    if (outcome_.timed_out) {
      return fmt::format("The run is over its time of {}: it is asked to end.",
                         to_text(spec_.timeout));
    }
    if (outcome_.server_silent) {
      return fmt::format(
          "Its server gave no sign for {}, so another may take its place: the run is asked to end.",
          to_text(spec_.longest_silence));
    }
    return "The run is asked to end.";
  }

  /// A program that is not there yet gets its signal when it is found.
  void ask_to_end(std::chrono::milliseconds grace) {
    timeout_at_.reset();
    kill_at_ = Clock::now() + grace;
    log_.note(why_it_ends());
    if (is_started_) signal_program(SIGTERM);
  }

  void signal_program(int number) const {
    if (program_) ::syscall(SYS_pidfd_send_signal, program_->pidfd.get(), number, nullptr, 0);
  }

  void kill_all() {
    if (!was_killed_) log_.note("It did not end in time: all of its processes are killed.");
    was_killed_ = true;
    kill_at_ = Clock::now() + end_within;
    if (init_) ::syscall(SYS_pidfd_send_signal, init_->pidfd.get(), SIGKILL, nullptr, 0);
    signal_program(SIGKILL);
    if (kind_ == process::SandboxKind::none || !init_) child_->signal_group(SIGKILL);
    if (limits_) limits_->kill_all();
  }

  /// The program ended: so does all that it left behind, then what it said is read to its end.
  void end() {
    const Time exit_seen = Clock::now();
    crash_point("supervisor.exit_seen");
    if (network_) outcome_.egress_bytes = network_->egress_bytes();
    child_->signal_group(SIGKILL);
    const process::Exit exit = child_->wait();
    if (init_) ::syscall(SYS_pidfd_send_signal, init_->pidfd.get(), SIGKILL, nullptr, 0);
    if (limits_) limits_->kill_all();
    if (!end_descendants(end_within)) {
      log_.note("Some of its processes could not be ended.");
    }
    if (status_pipe_) read_status();
    if (report_pipe_) read_report();
    drain();
    crash_point("supervisor.drained");
    settle(exit);
    if (outcome_.start_error.empty()) {
      outcome_.run_time = std::max(
          0ms, std::chrono::duration_cast<std::chrono::milliseconds>(exit_seen - alive_at_));
    }
  }

  void drain() {
    const Time until = Clock::now() + drain_for;
    Time silent_since = Clock::now();
    while ((out_ || err_) && Clock::now() < until &&
           Clock::now() < silent_since + silence_ends_drain) {
      std::array<pollfd, 2> fds{{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
      ::poll(fds.data(), fds.size(), 50);
      const bool some_out = fds[0].revents != 0 && pump(out_, logs::Stream::output);
      const bool some_err = fds[1].revents != 0 && pump(err_, logs::Stream::error);
      if (some_out || some_err) silent_since = Clock::now();
    }
  }

  void settle(const process::Exit& exit) {
    const bool isolated = kind_ != process::SandboxKind::none;
    if (never_started(exit)) {
      const std::string_view words = trim(report_.was_reached() ? report_.error() : early_words_);
      outcome_.start_error =
          fmt::format("The sandbox or the program in it could not be started: {}",
                      words.empty() ? fmt::format("exit code {}", exit.code) : printable(words));
      return;
    }
    if (!is_started_) tell_started(0);
    End end{.code = exit.code};
    if (const auto known = isolated && program_ ? end_of(*program_) : std::nullopt) {
      end = *known;
    } else if (exit.signal != 0) {
      end = {.signal = exit.signal};
    } else if (isolated) {
      end = was_killed_ ? End{.signal = SIGKILL} : end_from_code(exit.code);
    }
    outcome_.exit_code = end.code;
    outcome_.exit_signal = end.signal;
  }

  /// bwrap that fails never reaches the launcher, and the launcher that fails says so.
  bool never_started(const process::Exit& exit) const {
    if (is_started_ || was_killed_ || exit.signal != 0) return false;
    return !report_.was_reached() || !report_.error().empty();
  }

  void finish() {
    const ResourcesUsed used = used_by_descendants();
    outcome_.cpu_time = used.cpu_time;
    outcome_.peak_memory = used.peak_memory;
    outcome_.disk_used = disk_.used();
    if (const auto usage = limits_ ? limits_->usage() : std::nullopt) {
      if (usage->peak_memory > 0) outcome_.peak_memory = usage->peak_memory;
      outcome_.out_of_memory = usage->out_of_memory;
      outcome_.out_of_processes = usage->out_of_processes;
    }
    if (limits_) limits_->remove_group();
    log_.close();
    crash_point("supervisor.log_closed");
    outcome_.log_failed = log_.failed();
    outcome_.log_lines = log_.lines();
    outcome_.ended_at = BootClock(spec_.booted_at).now();
    result_.commit(to_json_text(outcome_));
  }

  const RunSpec& spec_;
  Fd signals_;
  ReservedFile started_;
  ReservedFile result_;
  RunLog log_;
  ServerWatch server_;
  Outcome outcome_;
  process::SandboxKind kind_ = process::SandboxKind::none;
  std::string isolation_;
  std::optional<RunLimits> limits_;
  std::optional<process::RunNetwork> network_;
  DiskWatch disk_;
  std::optional<process::Child> child_;  ///< bwrap, or without a sandbox the program itself
  Fd out_, err_, status_pipe_, report_pipe_;
  SandboxStatus status_;
  LaunchReport report_;
  std::optional<Process> init_, program_;
  bool is_started_ = false;
  Time alive_at_;
  bool was_killed_ = false;
  bool ended_ = false;
  std::string early_words_;
  std::optional<Time> timeout_at_, kill_at_;
  std::array<char, pipe_size> buffer_;
};

}  // namespace

void supervise(const RunSpec& spec) {
  crash_point("supervisor.begun");
  Fd signals = take_signals();
  // Before anything that can take long: a server that comes back looks for it, and may send a stop.
  put_name(spec);
  crash_point("supervisor.named");
  adopt_orphans();
  Supervision(spec, std::move(signals)).run();
}

}  // namespace cupola::supervisor
