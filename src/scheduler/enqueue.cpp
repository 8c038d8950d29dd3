#include "scheduler/enqueue.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/log.h"
#include "scheduler/missed.h"
#include "scheduler/moment.h"
#include "scheduler/set_back.h"
#include "scheduler/timing.h"
#include "store/attempts.h"
#include "store/credits.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/set_back.h"

namespace cupola::scheduler {
namespace {

constexpr int schedules_a_step = 200;
/// One step writes about so many rows, so that others do not wait long for the database.
constexpr int rows_a_step = 2000;
/// Runs that make up for missed fires start this far apart, so that a server that was down for a
/// day does not start everything at once.
constexpr std::chrono::milliseconds catch_up_spacing = 200ms;

/// Its interval can no longer be read: it awaits no fire, and the log says why.
void park(db::Session& db, const store::Schedule& schedule, const Error& error, Instant now) {
  log_error("schedule {} awaits no fire: {}", schedule.name, to_text(error));
  store::set_next_fire(db, schedule.key, schedule.due_at, std::nullopt, std::nullopt, now);
}

void plan_schedule(db::Session& db, const store::Schedule& schedule, Instant now) {
  if (!store::is_unchanged(db, schedule)) return;
  const auto timing = timing_of(schedule);
  if (!timing) return park(db, schedule, timing.error(), now);
  // Never later than now: the switch may have been set by a clock that stood ahead.
  const Instant after = std::min(
      now,
      std::max(schedule.enabled_at.value_or(schedule.interval_since), schedule.interval_since));
  const auto fire = cron::next_fire(*timing, after);
  store::set_next_fire(db, schedule.key, schedule.due_at,
                       fire ? std::optional{fire->due} : std::nullopt,
                       fire ? std::optional{fire->nominal} : std::nullopt, now);
  crash_point("fire.planned");
}

/// What waits in the queue for the clock's sake gives way to a newer fire.
void supersede_waiting(db::Session& db, const std::vector<store::Run>& unfinished,
                       const cron::Fire& by, Instant now) {
  for (const store::Run& run : unfinished) {
    if (run.status != store::RunStatus::queued || run.trigger == store::Trigger::manual) continue;
    store::end_superseded_run(db, run,
                              fmt::format("superseded by the fire of {}", to_rfc3339(by.nominal)),
                              "superseded", now);
  }
}

/// Organizations for which nothing is to start, because they have no credits left.
using Stopped = std::set<OrganizationKey>;

/// Gives the run of one fire to the queue, unless there are no credits or the overlap policy turns
/// it down.
void start_fire(db::Session& db, const store::Schedule& schedule, const Start& start, Instant due,
                Instant now, const Stopped& stopped, Enqueued& enqueued) {
  std::vector<store::Run> unfinished;
  if (schedule.overlap != store::Overlap::allow) {
    unfinished = store::list_unfinished_runs(db, schedule.key);
  }
  store::Fire fire{.schedule = schedule.key,
                   .nominal = start.fire.nominal,
                   .due = start.fire.due,
                   .noticed_at = now};
  const bool is_stopped = stopped.contains(schedule.organization);
  if (is_stopped || (schedule.overlap == store::Overlap::skip && !unfinished.empty())) {
    fire.outcome =
        is_stopped ? store::FireOutcome::skipped_credits : store::FireOutcome::skipped_overlap;
    if (store::record_fire(db, fire)) ++enqueued.skipped;
    return;
  }
  fire.run = new_id<RunId>();
  if (!store::record_fire(db, fire)) return;
  crash_point("fire.recorded");
  if (schedule.overlap == store::Overlap::queue_one)
    supersede_waiting(db, unfinished, start.fire, now);
  store::add_run(db,
                 {.id = *fire.run,
                  .organization = schedule.organization,
                  .project = schedule.project,
                  .deployment = schedule.deployment,
                  .schedule = schedule.key,
                  .schedule_name = schedule.name,
                  .trigger = start.late ? store::Trigger::catch_up : store::Trigger::schedule,
                  .scheduled_at = start.fire.nominal,
                  .due_at = due,
                  .stands_for = start.stands_for,
                  .state_ids = schedule.state_ids,
                  .run_timeout = schedule.run_timeout,
                  .most_attempts = 1 + schedule.retries,
                  .retry_wait = schedule.retry_wait},
                 now);
  crash_point("fire.queued");
  ++enqueued.runs;
}

/// A row that stands for many may find its place taken, where the clock was ahead before, or the
/// interval another: then it goes to the fire before that. False: all of them are on record.
bool record_older(db::Session& db, const store::Schedule& schedule, const cron::Timing& timing,
                  MissedFire missed, Instant now) {
  for (;;) {
    const bool fresh = store::record_fire(db, {.schedule = schedule.key,
                                               .nominal = missed.fire.nominal,
                                               .due = missed.fire.due,
                                               .outcome = store::FireOutcome::missed,
                                               .count = missed.count,
                                               .noticed_at = now});
    if (fresh || --missed.count == 0) return fresh;
    const auto before = cron::previous_fire(timing, missed.fire.due);
    if (!before) return false;
    missed.fire = *before;
  }
}

int record_missed(db::Session& db, const store::Schedule& schedule, const cron::Timing& timing,
                  const std::vector<MissedFire>& missed, Instant now) {
  int fresh = 0;
  std::vector<store::FireTime> single;
  for (const MissedFire& one : missed) {
    if (one.count == 1) {
      single.push_back({one.fire.nominal, one.fire.due});
    } else if (record_older(db, schedule, timing, one, now)) {
      ++fresh;
    }
  }
  return fresh + store::record_missed_fires(db, schedule.key, single, now);
}

void fire_schedule(db::Session& db, const store::Schedule& schedule, Instant now, Instant& turn,
                   const Stopped& stopped, Enqueued& enqueued) {
  if (!store::is_unchanged(db, schedule)) return;
  const auto timing = timing_of(schedule);
  if (!timing) return park(db, schedule, timing.error(), now);
  crash_point("fire.chosen");
  const cron::Fire awaited{.nominal = *schedule.due_nominal, .due = *schedule.due_at};
  const auto next = cron::next_fire(*timing, now);
  // First of all, so that of two servers only the one that moves the schedule on goes further.
  if (!store::set_next_fire(db, schedule.key, schedule.due_at,
                            next ? std::optional{next->due} : std::nullopt,
                            next ? std::optional{next->nominal} : std::nullopt, now)) {
    return;
  }
  crash_point("fire.moved_on");
  const Verdict verdict = judge(*timing, awaited, schedule.missed, now);
  enqueued.missed += record_missed(db, schedule, *timing, verdict.missed, now);
  for (const Start& start : verdict.starts) {
    Instant due = start.fire.due;
    if (start.late) due = std::exchange(turn, turn + catch_up_spacing);
    start_fire(db, schedule, start, due, now, stopped, enqueued);
  }
}

/// When the next run that makes up for a missed fire starts: after those that wait already, which
/// an earlier step may have queued.
Instant first_turn(db::Session& db, Instant now) {
  const auto last = store::last_queued_run(db);
  return last ? std::max(now, last->due_at + catch_up_spacing) : now;
}

/// Those that are on time first: they must not become late while those of a long downtime are
/// worked off.
std::vector<store::Schedule> due_schedules(db::Session& db, Instant now) {
  const Instant late = now - late_after;
  auto due = store::list_due_schedules(db, late, now, schedules_a_step);
  const int room = schedules_a_step - static_cast<int>(due.size());
  for (auto& schedule : store::list_due_schedules(db, Instant(), late, room)) {
    due.push_back(std::move(schedule));
  }
  return due;
}

}  // namespace

Enqueued enqueue_due_runs(db::Database& database, const Clock& clock) {
  const Moment moment(clock);
  const Instant now = moment.now;
  const bool more_ahead = take_back_what_lies_ahead(database, moment);
  const auto unplanned = database.read(
      [](db::Session& db) { return store::list_unplanned_schedules(db, schedules_a_step); });
  if (!unplanned.empty()) {
    database.write([&](db::Session& db) {
      if (moment.was_held_up()) return;
      for (const store::Schedule& schedule : unplanned) plan_schedule(db, schedule, now);
    });
  }

  const auto due = database.read([&](db::Session& db) { return due_schedules(db, now); });
  Enqueued enqueued;
  if (!due.empty()) {
    enqueued = database.write([&](db::Session& db) {
      Enqueued done{.more = moment.was_held_up()};
      if (done.more) return done;
      Instant turn = first_turn(db, now);
      const Stopped stopped = store::list_stopped_organizations(db);
      for (const store::Schedule& schedule : due) {
        done.more = done.runs + done.missed + done.skipped >= rows_a_step;
        if (done.more) break;
        fire_schedule(db, schedule, now, turn, stopped, done);
      }
      return done;
    });
    crash_point("fire.committed");
  }
  enqueued.more = enqueued.more || more_ahead || due.size() == schedules_a_step ||
                  unplanned.size() == schedules_a_step;
  enqueued.next_due = database.read([](db::Session& db) { return store::next_due(db); });
  return enqueued;
}

}  // namespace cupola::scheduler
