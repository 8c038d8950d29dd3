#pragma once

/// What must be true of a simulated world, looked at after each step and at the end.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "db/database.h"
#include "simulation/expected_fires.h"
#include "simulation/server.h"
#include "store/schedules.h"

namespace cupola::simulation {

class Promises {
 public:
  /// Lets the database tell of each change (triggers).
  Promises(Shared& shared, const std::vector<std::unique_ptr<Server>>& servers);

  /// Throws Broken. What has changed since the last look:
  ///  - a run goes only the ways of its life, and what is final changes no more;
  ///  - it is tried again after its back-off, as often as its schedule said then, unless it was
  ///    stopped or a newer fire took its place; its token grows with each attempt;
  ///  - it is told succeeded only if its program exited with 0 and that was written down;
  ///  - it is told lost only when it is dead, or when its server lives and could not beat; then it
  ///    is killed as soon as that server sees what became of it;
  ///  - a fire has one run;
  ///  - states are written by the run that holds them, and never go back.
  void check();
  /// Throws Broken when the program that is about to run is alive already, or its attempt has
  /// ended or its run is not its server's, or when it would share a state id or, where that is not
  /// allowed, a schedule with what is alive.
  void check_start(const Process& process, const Server& home) const;
  /// Throws Broken when a fire that has come long ago still waits.
  void check_schedules() const;
  /// Throws Broken when, after all faults, something is not final, is held, lives, or lies about;
  /// and when a fire was lost, or recorded that never was.
  void check_end();

  /// Runs that are not final though they are due, or will be soon.
  int unfinished(Instant now) const;
  Instant last_change() const { return last_change_; }
  int runs() const { return static_cast<int>(fired_.size()) + by_hand_; }
  int fires = 0;  ///< recorded, counted by `check_end`

 private:
  struct Change;
  void run_changed(const Change& change);
  void attempt_changed(const Change& change);
  void check_that_it_is_over(const Change& change) const;
  void run_added(const Change& change);
  void state_written(const Change& change);
  void schedule_changed(const Change& change);
  void beaten(const std::string& worker);
  bool could_not_beat(const Server& server) const;
  void lost(const RunId& run);
  void check_given_up();
  void check_fires();
  void check_verdict(const std::string& name, store::Missed policy, const store::Fire& fire) const;
  void check_nothing_left();

  Shared& shared_;
  const std::vector<std::unique_ptr<Server>>& servers_;
  std::uint64_t seen_writes_ = 0;
  Instant last_change_;
  int by_hand_ = 0;
  std::set<std::pair<std::string, std::string>> fired_;
  std::map<std::string, std::pair<std::string, std::string>> fire_of_;  ///< of each run
  std::map<std::string, std::int64_t> reached_;
  std::map<std::string, std::int64_t> tokens_;  ///< of each run, the last
  /// How often the second has beaten since the first did.
  std::map<std::string, std::map<std::string, int>> beats_since_;
  /// A program that lives though its run was told lost.
  struct GivenUp {
    std::shared_ptr<Process> process;  // shared with its host
    const Server* server;
    Instant looked_at;
    std::chrono::milliseconds kept_for{0};  ///< while its server could have seen it
  };
  std::vector<GivenUp> given_up_;
  struct Planned {
    std::vector<Era> eras;
    bool is_open = false;
  };
  std::map<std::string, Planned> planned_;
};

}  // namespace cupola::simulation
