#pragma once

/// A simulated machine's disk and the supervisors on it: what outlives a server that is killed.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runner/machine.h"
#include "simulation/world.h"

namespace cupola::simulation {

/// What became of a run's program in truth, whatever anybody is told.
struct Truth {
  int starts = 0;
  std::set<int> exited_well;  ///< attempts of which a supervisor wrote the result "exit code 0"
  bool is_log_closed = false;
};

class Host;

/// A supervisor process and the program that it holds.
struct Process {
  RunId run;
  int attempt = 1;
  std::string name;  ///< for the record
  std::string schedule;
  Instant start_before;  ///< none in the far past
  std::vector<std::string> state_ids;
  std::chrono::milliseconds timeout{0};
  bool is_alive = true;
  bool has_handler = false;  ///< supervisor.json is written
  bool is_running = false;   ///< its program lives
  bool is_ending = false;
  bool is_stuck = false;  ///< it does nothing any more; only SIGKILL ends it
  int exit_code = 0;
};

/// The folder of a run.
struct Folder {
  std::shared_ptr<Process> process;  // shared with those that hold the process itself
  bool has_supervisor_file = false;
  std::optional<supervisor::Started> started;
  std::optional<store::RunResult> result;
  std::map<std::string, std::int64_t> states;  ///< how far the program got
  bool is_torn = false;                        ///< a state file is being rewritten
};

struct HostFaults {
  int slow_starts = 0;      ///< per cent of all; and some that never get anywhere
  int supervisor_dies = 0;  ///< per cent of all
  int hangs = 0;            ///< per cent of programs that end only when they are made to
  int stuck = 0;            ///< per cent of supervisors that stop to do anything
};

/// One machine. `told` is called when something happened that a server would be woken for.
class Host {
 public:
  Host(World& world, const HostFaults& faults, std::map<RunId, Truth>& truths)
      : world_(world), faults_(faults), truths_(truths) {}

  std::map<RunId, Folder> folders;
  /// When its server gave the last sign of life.
  std::function<Instant()> last_sign = [] { return Instant{}; };
  std::function<void(const Process&, bool has_ended)> told = [](const Process&, bool) {};
  std::function<void(const Process&)> about_to_run = [](const Process&) {};
  std::chrono::milliseconds longest_silence{0};  ///< 0: supervisors do not watch their server
  std::chrono::milliseconds grace{20s};

  std::shared_ptr<Process> start(const runner::StartOrder& order, std::string name);
  void signal(const std::shared_ptr<Process>& process, int number);
  /// All processes are gone; the disk stays.
  void lose_power();
  std::vector<std::shared_ptr<Process>> live() const;

 private:
  using Shared = std::shared_ptr<Process>;
  Folder* folder_of(const Process& process);
  void arrive(const Shared& process);
  void run_program(const Shared& process);
  void write_state(const Shared& process);
  void ask_to_end(const Shared& process, const store::RunResult& result,
                  std::chrono::milliseconds longest);
  void end(const Shared& process, const store::RunResult& result);
  void die(const Shared& process);
  void watch_server(const Shared& process);

  World& world_;
  const HostFaults& faults_;
  std::map<RunId, Truth>& truths_;
  std::vector<Shared> processes_;
};

}  // namespace cupola::simulation
