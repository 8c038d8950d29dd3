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
#include "supervisor/run_program.h"
#include "supervisor/server_watch.h"

namespace cupola::supervisor {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
/// After the end of all processes only what is in the pipes can still come.
constexpr std::chrono::seconds drain_for{10};
constexpr std::chrono::milliseconds silence_ends_drain{300};
constexpr std::chrono::seconds end_within{5};
constexpr int read_size = 256 << 10;
/// What writes without end has no long time to tidy up.
constexpr std::chrono::seconds grace_when_disk_is_over{5};

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
    auto started = program_.start(inside(), spec_.sandbox, support, spec_.files);
    if (!started) return started.error();
    crash_point("supervisor.program_started");
    timeout_at_ = Clock::now() + std::min<std::chrono::milliseconds>(spec_.timeout, 8760h);
    if (program_.is_alive()) tell_started();
    return {};
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

  void tell_started() {
    is_told_ = true;
    alive_at_ = Clock::now();
    crash_point("supervisor.alive");
    started_.put(to_json_text(Started{.pid = program_.pid().value_or(0),
                                      .at = BootClock(spec_.booted_at).now(),
                                      .sandbox = isolation_}));
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
                               {program_.ended_fd(), POLLIN, 0},
                               {program_.out.get(), POLLIN, 0},
                               {program_.err.get(), POLLIN, 0},
                               {program_.status_fd(), POLLIN, 0},
                               {program_.report_fd(), POLLIN, 0}}};
    const auto wait = next_time() - Clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
    if (fds[2].revents != 0) pump(program_.out, logs::Stream::output);
    if (fds[3].revents != 0) pump(program_.err, logs::Stream::error);
    if (fds[4].revents != 0) program_.read_status();
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
    if (stream == logs::Stream::error) program_.heard(bytes);
    log_.append(stream, bytes);
    return true;
  }

  void read_report() {
    program_.read_report();
    if (is_told_ || !program_.is_alive()) return;
    tell_started();
    if (kill_at_) program_.signal(SIGTERM);
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
    reap_orphans(program_.started_pid());
  }

  void look_at_disk() {
    disk_.look(program_.pid());
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
    program_.signal(SIGTERM);
  }

  void kill_all() {
    if (!program_.was_killed())
      log_.note("It did not end in time: all of its processes are killed.");
    kill_at_ = Clock::now() + end_within;
    program_.kill();
    if (limits_) limits_->kill_all();
  }

  /// The program ended: so does all that it left behind, then what it said is read to its end.
  void end() {
    const Time exit_seen = Clock::now();
    crash_point("supervisor.exit_seen");
    if (network_) outcome_.egress_bytes = network_->egress_bytes();
    const process::Exit exit = program_.reap();
    if (limits_) limits_->kill_all();
    if (!end_descendants(end_within)) {
      log_.note("Some of its processes could not be ended.");
    }
    program_.read_status();
    read_report();
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
    while ((program_.out || program_.err) && Clock::now() < until &&
           Clock::now() < silent_since + silence_ends_drain) {
      std::array<pollfd, 2> fds{{{program_.out.get(), POLLIN, 0}, {program_.err.get(), POLLIN, 0}}};
      ::poll(fds.data(), fds.size(), 50);
      const bool some_out = fds[0].revents != 0 && pump(program_.out, logs::Stream::output);
      const bool some_err = fds[1].revents != 0 && pump(program_.err, logs::Stream::error);
      if (some_out || some_err) silent_since = Clock::now();
    }
  }

  void settle(const process::Exit& exit) {
    const auto end = program_.how_it_ended(exit);
    if (!end) {
      outcome_.start_error = end.error().message;
      return;
    }
    if (!is_told_) tell_started();
    outcome_.exit_code = end->code;
    outcome_.exit_signal = end->signal;
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
  std::string isolation_;
  std::optional<RunLimits> limits_;
  std::optional<process::RunNetwork> network_;
  DiskWatch disk_;
  RunProgram program_;
  bool is_told_ = false;
  Time alive_at_;
  bool ended_ = false;
  std::optional<Time> timeout_at_, kill_at_;
  std::array<char, read_size> buffer_;
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
