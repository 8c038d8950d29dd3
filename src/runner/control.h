#pragma once

/// What a runner decides: claims, starts, ends, stops, adoption, slots. It has no thread, no clock
/// and no process of its own: what happens is told to it, and what must take time it hands out.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runner/events.h"
#include "runner/lease_watch.h"
#include "runner/lifecycle.h"
#include "runner/options.h"
#include "runner/tasks.h"

namespace cupola::runner {

/// All functions are called by one thread, the loop; so is what tasks bring back.
/// `step` throws what the database throws: call it again a little later.
class Control {
 public:
  Control(Surroundings with, Tasks& tasks, Options options);

  /// The first step, after a start: takes over the open runs of this worker. Can be called again
  /// after it threw.
  void adopt_all();
  void step(const Events& events);
  /// Until the next step is due, if nothing happens before.
  std::chrono::milliseconds time_to_wait() const;
  /// Forgets all runs. Their supervisors go on, and whoever comes next adopts them. No task may be
  /// in progress.
  void let_go();

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Shared = std::shared_ptr<OpenRun>;  // shared by the map and the one task in progress

  void give(Tasks::Kind kind, const Shared& open, std::function<void()> work,
            std::function<void(bool)> then);
  void catch_up(const Shared& open);

  void claim(Instant now);
  bool may_start(Instant now);
  int free_slots() const;
  int free_backfill_slots() const;
  Shared open_for(const store::Run& run) const;
  void begin(const store::Run& run);
  void watch(const Shared& open);

  void on_started(const RunId& id);
  void on_ended(const RunId& id);
  void end(const Shared& open);
  void release(const Shared& open);

  void on_tick(Instant now);
  void watch_leases(Instant now);
  void look_after(const RunId& id, const Shared& open);
  std::vector<store::Run> list_own() const;
  void kill_foreign(const std::vector<store::Run>& listed) const;
  void reconcile(const std::vector<store::Run>& listed);
  void pass_on_stop(OpenRun& open) const;
  void end_overdue(Instant now);

  void adopt(const store::Run& run);
  void take_slot_of(OpenRun& open);
  void take_free_slot(OpenRun& open);

  Surroundings with_;
  Tasks& tasks_;
  Options options_;
  std::vector<bool> slots_;
  std::map<RunId, Shared> open_;
  LeaseWatch leases_;
  std::optional<Instant> next_queued_;
  Time next_tick_{};
  std::string trouble_;  ///< why no run starts at the moment
};

}  // namespace cupola::runner
