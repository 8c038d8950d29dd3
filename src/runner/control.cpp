#include "runner/control.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <signal.h>

#include "base/crash_point.h"
#include "base/log.h"
#include "runner/frequency.h"
#include "runner/result.h"

namespace cupola::runner {
namespace {

/// A supervisor that was told to stop has its grace time and this; then it is killed.
constexpr std::chrono::milliseconds stop_slack = 30s;
/// From the claim until the program is alive.
constexpr std::chrono::milliseconds start_limit = 2min;

}  // namespace

Control::Control(Surroundings with, Tasks& tasks, Options options)
    : with_(with),
      tasks_(tasks),
      options_(std::move(options)),
      slots_(static_cast<std::size_t>(options_.max_runs), false),
      leases_(looks_for(options_.lease)) {}

void Control::step(const Events& events) {
  const Instant now = with_.clock.now();
  for (const RunId& id : events.started) on_started(id);
  for (const RunId& id : events.ended) on_ended(id);
  if (with_.machine.steady_now() >= next_tick_) {
    next_tick_ = with_.machine.steady_now() + tick;
    on_tick(now);
  } else if (events.woken) {
    const auto listed = list_own();
    kill_foreign(listed);
    reconcile(listed);
  }
  claim(now);
}

std::chrono::milliseconds Control::time_to_wait() const {
  const auto until_tick =
      std::chrono::ceil<std::chrono::milliseconds>(next_tick_ - with_.machine.steady_now());
  auto wait = std::clamp<std::chrono::milliseconds>(until_tick, 0ms, tick);
  if (next_queued_ && free_slots() > 0) {
    wait = std::clamp<std::chrono::milliseconds>(*next_queued_ - with_.clock.now(), 0ms, wait);
  }
  return wait;
}

void Control::let_go() {
  for (const auto& [id, open] : open_) with_.machine.forget(id);
  open_.clear();
  std::fill(slots_.begin(), slots_.end(), false);
}

// -- tasks --

void Control::give(Tasks::Kind kind, const Shared& open, std::function<void()> work,
                   std::function<void(bool)> then) {
  open->busy = true;
  tasks_.run(kind, open->run.id, std::move(work), [this, open, then = std::move(then)](bool done) {
    open->busy = false;
    then(done);
    if (done) catch_up(open);
  });
}

/// What happened to the run while its task was at work. After a task that failed it is left to the
/// next tick, so that a database that is gone is not asked without a pause.
void Control::catch_up(const Shared& open) {
  if (open->busy || !open_.contains(open->run.id)) return;
  if (open->ended) {
    end(open);
  } else if (!open->is_marked_running && open->supervisor) {
    on_started(open->run.id);
  }
}

// -- claims and starts --

void Control::claim(Instant now) {
  const int most = free_slots();
  next_queued_.reset();
  if (most == 0 || !may_start(now)) return;
  // A look costs a fraction of a write, and most of the time nothing waits.
  const auto first = with_.database.read([](db::Session& db) { return store::next_queued(db); });
  if (!first || *first > now) {
    next_queued_ = first;
    return;
  }
  const auto claimed = with_.database.write([&](db::Session& db) {
    auto runs = store::claim_runs(db, options_.worker, most, now);
    const int left = std::min(most - static_cast<int>(runs.size()), free_backfill_slots());
    if (left > 0) {
      for (auto& run : store::claim_backfill_runs(db, options_.worker, left, now))
        runs.push_back(std::move(run));
    }
    return runs;
  });
  for (const store::Run& run : claimed) begin(run);
  if (static_cast<int>(claimed.size()) < most) {
    next_queued_ = with_.database.read([](db::Session& db) { return store::next_queued(db); });
    // One that is due already waits for something else than time; the next tick looks again.
    if (next_queued_ && *next_queued_ <= now) next_queued_.reset();
  }
}

bool Control::may_start(Instant now) {
  const double share = with_.machine.free_disk();
  std::string trouble;
  if (share < options_.least_free_disk) {
    trouble = fmt::format(
        "No run starts: {:.1f} % of the disk that holds {} is free, {:.0f} % are needed.",
        share * 100, with_.machine.place(), options_.least_free_disk * 100);
  }
  if (trouble == trouble_) return trouble.empty();
  trouble_ = trouble;
  if (trouble.empty()) {
    log_info("There is enough free disk again: runs start.");
    return true;
  }
  log_error("{}", trouble);
  with_.database.write([&](db::Session& db) { store::explain_waiting(db, trouble, now); });
  return false;
}

int Control::free_slots() const {
  return static_cast<int>(std::count(slots_.begin(), slots_.end(), false));
}

/// Backfills take half of the slots at most, so that what is due by the clock finds one.
int Control::free_backfill_slots() const {
  const auto taken = std::count_if(open_.begin(), open_.end(), [](const auto& one) {
    return one.second->run.trigger == store::Trigger::backfill;
  });
  return std::max(1, static_cast<int>(slots_.size()) / 2) - static_cast<int>(taken);
}

Control::Shared Control::open_for(const store::Run& run) const {
  auto open = std::make_shared<OpenRun>();
  open->run = run;
  open->lease = {.run = run.id, .token = run.lease_token};
  open->since = with_.machine.steady_now();
  return open;
}

void Control::begin(const store::Run& run) {
  crash_point("run.claimed");
  // A task of this server gave it back, or tidies up after its last attempt, and is not back
  // itself; `reconcile` takes the run up after that.
  if (open_.contains(run.id)) return;
  auto open = open_for(run);
  take_free_slot(*open);
  open_.emplace(run.id, open);
  // Shared by the task and what follows it.
  auto outcome = std::make_shared<Result<Start>>(Start::started);
  give(
      Tasks::Kind::start, open,
      [this, open, outcome] {
        try {
          *outcome = start_run(with_, options_, *open);
        } catch (const std::exception& failure) {
          *outcome = Error{Error::Kind::unavailable, failure.what()};
        }
      },
      [this, open, outcome](bool) {
        open->since = with_.machine.steady_now();
        if (!*outcome) {
          open->result = {.status = store::RunStatus::failed,
                          .cause = "It could not be started: " + to_text(outcome->error())};
          open->ended = true;
          end(open);
        } else if (**outcome == Start::requeued) {
          release(open);
        } else {
          watch(open);
        }
      });
}

void Control::watch(const Shared& open) {
  with_.machine.watch(open->run.id, *open->supervisor);
  on_started(open->run.id);  // it may have happened before the watch began
}

// -- what happens to a run --

void Control::on_started(const RunId& id) {
  const auto found = open_.find(id);
  if (found == open_.end() || found->second->is_marked_running) return;
  const Shared open = found->second;
  if (open->busy) return;  // the next tick looks again
  const auto started = with_.machine.started(id);
  if (!started) return;
  open->is_marked_running = true;
  give(
      Tasks::Kind::other, open,
      [this, open, sandbox = started->sandbox] {
        with_.database.write([&](db::Session& db) {
          const Instant started_at = with_.clock.now();
          store::mark_running(db, open->lease, sandbox, started_at,
                              is_frequent(db, open->run, started_at));
        });
        crash_point("run.told_running");
      },
      [open](bool done) { open->is_marked_running = done; });
}

void Control::on_ended(const RunId& id) {
  crash_point("run.exit_seen");
  with_.machine.forget(id);
  if (const auto found = open_.find(id); found != open_.end()) {
    found->second->ended = true;
    end(found->second);
  }
}

void Control::end(const Shared& open) {
  if (open->busy) return;  // the next tick tries again
  give(
      Tasks::Kind::other, open, [this, open] { end_run(with_, *open); },
      [this, open](bool done) {
        if (done) release(open);
      });
}

void Control::release(const Shared& open) {
  if (open->slot >= 0) slots_[static_cast<std::size_t>(open->slot)] = false;
  open_.erase(open->run.id);
}

// -- once a second --

void Control::on_tick(Instant now) {
  // First of all, and with a read alone: also where the database takes no writes.
  const auto listed = list_own();
  kill_foreign(listed);
  watch_leases(now);
  reconcile(listed);
  end_overdue(now);
  const std::vector<std::pair<RunId, Shared>> all(open_.begin(), open_.end());
  for (const auto& [id, open] : all) look_after(id, open);
}

/// Beats while there is somebody to see it, and ends the runs of servers that no longer do.
void Control::watch_leases(Instant now) {
  auto others = with_.database.read(
      [&](db::Session& db) { return store::list_runs_of_others(db, options_.worker); });
  if (others.empty() && (open_.empty() || !options_.shared_database)) {
    leases_.look({});
    return;
  }
  others = with_.database.write([&](db::Session& db) {
    store::beat(db, options_.worker);
    return store::list_runs_of_others(db, options_.worker);
  });
  for (const store::HeldRun& run : leases_.look(others)) {
    const auto cause = fmt::format("The server that ran it ({}) is gone.", run.worker);
    const store::Finish finish = with_.database.write(
        [&](db::Session& db) { return store::end_lost_run(db, run, cause, now); });
    if (finish == store::Finish::stale) continue;
    log_error("run {} lost: {}{}", run.lease.run.text(), cause,
              finish == store::Finish::queued_again ? " It is tried again." : "");
  }
}

void Control::look_after(const RunId& id, const Shared& open) {
  if (open->busy) return;
  const auto now = with_.machine.steady_now();
  if (open->ended) return end(open);
  // Also where no watch could be set.
  if (open->supervisor && open->supervisor->has_ended()) return on_ended(id);
  if (!open->is_marked_running) {
    on_started(id);
    if (!open->busy && !open->is_marked_running && now - open->since > start_limit) {
      log_error("run {}: its program was not alive after {}; killing it", id.text(),
                to_text(start_limit));
      if (open->supervisor) open->supervisor->signal(SIGKILL);
    }
    return;
  }
  const bool overdue = now - open->since > open->run.run_timeout + options_.grace + stop_slack;
  const bool too_slow =
      open->stop_signalled && now - *open->stop_signalled > options_.grace + stop_slack;
  if (overdue || too_slow) {
    log_error("run {}: its supervisor did not end it in time; killing both", id.text());
    if (open->supervisor) open->supervisor->signal(SIGKILL);
    return;
  }
  give(
      Tasks::Kind::other, open, [this, open] { capture_run(with_, *open); }, [](bool) {});
}

std::vector<store::Run> Control::list_own() const {
  return with_.database.read(
      [&](db::Session& db) { return store::list_open_runs(db, options_.worker); });
}

/// Runs that another worker ended or took over; also earlier attempts, of whose end this server had
/// not heard.
void Control::kill_foreign(const std::vector<store::Run>& listed) const {
  std::map<RunId, std::int64_t> ours;
  for (const store::Run& run : listed) ours.emplace(run.id, run.lease_token);
  for (const auto& [id, open] : open_) {
    if (open->busy || open->ended || !open->supervisor) continue;
    const auto found = ours.find(id);
    if (found != ours.end() && found->second == open->lease.token) continue;
    log_error("run {}: it is no longer this server's; killing its supervisor", id.text());
    open->supervisor->signal(SIGKILL);
  }
}

/// Brings together what is held here and what the database says: stops that were asked for, and
/// claims whose commit was in doubt.
void Control::reconcile(const std::vector<store::Run>& listed) {
  for (const store::Run& run : listed) {
    const auto found = open_.find(run.id);
    if (found == open_.end()) {
      adopt(run);
    } else if (run.stop_requested_at && found->second->lease.token == run.lease_token) {
      pass_on_stop(*found->second);
    }
  }
}

void Control::pass_on_stop(OpenRun& open) const {
  const bool is_being_started = open.busy && !open.is_marked_running;
  if (open.stop_signalled || open.ended || is_being_started || !open.supervisor) return;
  // Until the supervisor says where it is, it has no handler: the signal would be its end.
  if (!with_.machine.takes_signals(open.run.id)) return;
  crash_point("stop.passing_on");
  open.supervisor->signal(SIGTERM);
  crash_point("stop.passed_on");
  open.stop_signalled = with_.machine.steady_now();
}

/// Runs that waited too long in the queue.
void Control::end_overdue(Instant now) {
  const auto overdue = with_.database.read(
      [&](db::Session& db) { return store::list_overdue_queued_runs(db, now, 100); });
  for (const store::Run& run : overdue) {
    with_.database.write([&](db::Session& db) {
      store::end_queued_run(db, run.id, store::RunStatus::failed,
                            fmt::format("It waited {} and could not start.",
                                        to_text(now - std::max(run.queued_at, run.due_at))),
                            std::nullopt, now);
    });
  }
}

// -- after a restart --

void Control::adopt_all() {
  const auto runs = list_own();
  for (const store::Run& run : runs) adopt(run);
  std::set<RunId> open;
  for (const auto& [id, held] : open_) open.insert(id);
  with_.machine.sweep(open, [this](const RunId& id) { return is_final(with_.database, id); });
}

void Control::adopt(const store::Run& run) {
  if (open_.contains(run.id)) return;
  const auto lease = with_.database.write(
      [&](db::Session& db) { return store::adopt_run(db, run.id, options_.worker); });
  if (!lease) return;
  crash_point("run.adopted");
  Found found = with_.machine.find(run);
  if (found.kind == Found::Kind::never_started) return give_back(with_, run, *lease);
  auto open = open_for(run);
  open->lease = *lease;
  open->is_marked_running = run.started_at.has_value();
  open->supervisor = std::move(found.supervisor);
  take_slot_of(*open);
  open_.emplace(run.id, open);
  log_info("run {}: {} the restart", run.id.text(),
           open->supervisor ? "went on over" : "ended during");
  if (open->supervisor) {
    watch(open);
  } else {
    open->ended = true;
    end(open);
  }
}

/// An adopted run keeps its uid, so no other may get its slot.
void Control::take_slot_of(OpenRun& open) {
  if (const auto own = with_.machine.slot_of(open.run.id)) {
    const auto slot = static_cast<std::size_t>(*own);
    if (slot < slots_.size() && !slots_[slot]) {
      slots_[slot] = true;
      open.slot = *own;
      return;
    }
  }
  take_free_slot(open);
}

/// None when more runs were adopted than there are slots.
void Control::take_free_slot(OpenRun& open) {
  const auto free = std::find(slots_.begin(), slots_.end(), false);
  if (free == slots_.end()) return;
  *free = true;
  open.slot = static_cast<int>(free - slots_.begin());
}

}  // namespace cupola::runner
