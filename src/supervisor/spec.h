#pragma once

/// The contract between the server and the supervisor of a run, `cupola-supervisor`.
///
/// The server makes the run's folder and starts the supervisor in a session of its own with a
/// RunSpec as JSON on standard input. From then on the supervisor stands alone: it outlives the
/// server, and all it tells stands in the run's folder:
///
///   supervisor.json  at once: its pid and start time (field 22 of /proc/PID/stat), for adoption
///   started.json     when the program is alive: its pid, time, what isolates it
///   result.json      last of all, fsynced: the Outcome
///
/// Exit code 0 when result.json tells the outcome, 1 when it could not be written, 2 when the spec
/// is malformed; the last line on standard error then says why.
///
/// Signals: SIGTERM stops the run (SIGTERM to the program itself, `grace`, SIGKILL of its whole
/// namespace or group). When the supervisor is killed, the sandbox dies with it. When its server
/// falls silent the run is stopped too, with a tenth of that silence as its grace.

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/boot_clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/outcome.h"
#include "base/secret.h"
#include "base/time.h"
#include "process/run_network.h"
#include "process/sandbox.h"

namespace cupola::supervisor {

struct RunSpec {
  RunId run;
  std::filesystem::path folder;            ///< the run's, on the host
  std::string start;                       ///< what its file `start` must hold; empty: not asked
  std::filesystem::path log;               ///< logs::Writer's path
  std::vector<std::string> command;        ///< as seen inside the sandbox
  std::map<std::string, std::string> env;  ///< all of the program's environment but secrets
  std::map<std::string, Secret> secrets;   ///< environment too, and masked in the log
  process::PrivateFiles files;             ///< for the program alone, and masked in the log
  std::vector<Secret> masked;              ///< masked besides
  process::Sandbox sandbox;
  /// What the server found that this machine can do; absent: the supervisor tries it, some 20 ms.
  std::optional<process::Support> support;
  std::chrono::milliseconds timeout{24h};  ///< of the program, from its start
  std::chrono::milliseconds grace{std::chrono::seconds{20}};
  std::int64_t memory_limit = 0;      ///< bytes, 0: none
  double cpu_limit = 0;               ///< cores, 0: none
  std::int64_t process_limit = 4096;  ///< threads too, 0: none
  std::int64_t disk_limit = 0;        ///< bytes written, 0: none
  /// A network of its own; absent: the host's, as far as `sandbox.network` says.
  std::optional<process::RunNetworkPlan> network;
  std::uint64_t log_limit = 4ull << 30;
  /// When this machine was started by the clock that all servers share: it stamps log and outcome.
  Instant booted_at = SystemClock().now() - since_boot();
  std::vector<std::string> notes;  ///< lines of Cupola's own that open the log
  /// A file that the server rewrites each second, and how long it may stay the same: then another
  /// server may take the run's place, so this one ends. Without a span it never does.
  std::filesystem::path server_sign;
  std::chrono::milliseconds longest_silence{0};
  /// By `up_time` (base/clock.h): later the program is not started any more. 0: no limit.
  std::chrono::milliseconds start_before{0};
};

/// One of exit_code, exit_signal and start_error tells the end. On kernels before 6.15 the sandbox
/// hides which of "exit 128 + n" and "killed by signal n" it was: those of SIGKILL and of crashes
/// count as signals then, others (143 is what Meltano exits with when stopped) as exit codes.
struct Outcome {
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  bool timed_out = false;
  bool stopped = false;           ///< by SIGTERM to the supervisor
  bool server_silent = false;     ///< its server gave no sign for RunSpec::longest_silence
  bool out_of_memory = false;     ///< the kernel's killer, by the memory cgroup's count
  bool out_of_processes = false;  ///< it was refused a process for its limit, by the same
  bool out_of_disk = false;       ///< it was ended because it wrote more than its limit
  std::int64_t disk_used = 0;     ///< bytes, as far as it was watched
  /// Bytes that it sent, where its network was its own.
  std::optional<std::int64_t> egress_bytes;
  bool log_failed = false;       ///< the disk was full or broken: the log is cut
  std::string start_error;       ///< why the program never started; empty when it did
  std::int64_t peak_memory = 0;  ///< of the group, else of the largest single process
  std::chrono::milliseconds cpu_time{0};
  std::uint64_t log_lines = 0;
  Instant started_at;
  Instant ended_at;
  /// How long the program lived, without what was done before and after; none: it never started.
  std::optional<std::chrono::milliseconds> run_time;
};

struct Started {
  int pid = 0;  ///< on the host; 0 when it ended before it could be looked up
  Instant at;
  std::string sandbox;  ///< process::Support::text and the limits in force
};

struct SupervisorProcess {
  int pid = 0;
  std::uint64_t start_time = 0;  ///< clock ticks since boot
};

std::string to_json_text(const RunSpec& spec);  ///< holds secrets: only ever for a pipe
Result<RunSpec> parse_spec(std::string_view text);
std::string to_json_text(const Outcome& outcome);
Result<Outcome> parse_outcome(std::string_view text);
std::string to_json_text(const Started& started);
Result<Started> parse_started(std::string_view text);
std::string to_json_text(const SupervisorProcess& process);
Result<SupervisorProcess> parse_supervisor_process(std::string_view text);

/// Which start of the run the folder was made for, written by the server: a supervisor that gets
/// there late may find the folder of the next one, and leaves it alone.
inline std::filesystem::path start_file(const std::filesystem::path& folder) {
  return folder / "start";
}
inline std::filesystem::path supervisor_file(const std::filesystem::path& folder) {
  return folder / "supervisor.json";
}
inline std::filesystem::path started_file(const std::filesystem::path& folder) {
  return folder / "started.json";
}
inline std::filesystem::path result_file(const std::filesystem::path& folder) {
  return folder / "result.json";
}

}  // namespace cupola::supervisor
