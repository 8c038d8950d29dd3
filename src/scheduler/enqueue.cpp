#include "scheduler/enqueue.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "scheduler/missed.h"
#include "scheduler/timing.h"
#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::scheduler {
namespace {

constexpr int schedules_a_step = 200;
/// Runs that make up for missed fires start this far apart, so that a server that was down for a
/// day does not start everything at once; the last of them after ten minutes.
constexpr std::chrono::milliseconds catch_up_spacing = 200ms;
constexpr std::chrono::milliseconds catch_up_span = 10min;

/// Its interval can no longer be read: it awaits no fire, and the log says why.
void park(db::Session& db, const store::Schedule& schedule, const Error& error) {
  log_error("schedule {} awaits no fire: {}", schedule.name, to_text(error));
  store::set_next_fire(db, schedule.key, schedule.due_at, std::nullopt, std::nullopt);
}

void plan_schedule(db::Session& db, const store::Schedule& schedule) {
  const auto timing = timing_of(schedule);
  if (!timing) return park(db, schedule, timing.error());
  const Instant after =
      std::max(schedule.enabled_at.value_or(schedule.interval_since), schedule.interval_since);
  const auto fire = cron::next_fire(*timing, after);
  store::set_next_fire(db, schedule.key, schedule.due_at,
                       fire ? std::optional{fire->due} : std::nullopt,
                       fire ? std::optional{fire->nominal} : std::nullopt);
}

/// What waits in the queue for the clock's sake gives way to a newer fire.
void supersede_waiting(db::Session& db, const std::vector<store::Run>& unfinished,
                       const cron::Fire& by, Instant now) {
  for (const store::Run& run : unfinished) {
    if (run.status != store::RunStatus::queued || run.trigger == store::Trigger::manual) continue;
    store::end_queued_run(db, run.id, store::RunStatus::skipped,
                          fmt::format("superseded by the fire of {}", to_rfc3339(by.nominal)),
                          "superseded", now);
  }
}

/// Gives the run of one fire to the queue, unless the overlap policy turns it down.
void start_fire(db::Session& db, const store::Schedule& schedule, const Start& start, Instant due,
                Instant now, Enqueued& enqueued) {
  const auto unfinished = store::list_unfinished_runs(db, schedule.key);
  store::Fire fire{.schedule = schedule.key,
                   .nominal = start.fire.nominal,
                   .due = start.fire.due,
                   .noticed_at = now};
  if (schedule.overlap == store::Overlap::skip && !unfinished.empty()) {
    fire.outcome = store::FireOutcome::skipped_overlap;
    if (store::record_fire(db, fire)) ++enqueued.skipped;
    return;
  }
  fire.run = new_id<RunId>();
  if (!store::record_fire(db, fire)) return;
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
                  .run_timeout = schedule.run_timeout},
                 now);
  ++enqueued.runs;
}

void fire_schedule(db::Session& db, const store::Schedule& schedule, Instant now, int& caught_up,
                   Enqueued& enqueued) {
  const auto timing = timing_of(schedule);
  if (!timing) return park(db, schedule, timing.error());
  const cron::Fire awaited{.nominal = *schedule.due_nominal, .due = *schedule.due_at};
  const auto next = cron::next_fire(*timing, now);
  // First of all, so that of two servers only the one that moves the schedule on goes further.
  if (!store::set_next_fire(db, schedule.key, schedule.due_at,
                            next ? std::optional{next->due} : std::nullopt,
                            next ? std::optional{next->nominal} : std::nullopt)) {
    return;
  }

  const Verdict verdict = judge(*timing, awaited, schedule.missed, now);
  for (const MissedFire& missed : verdict.missed) {
    const bool fresh = store::record_fire(db, {.schedule = schedule.key,
                                               .nominal = missed.fire.nominal,
                                               .due = missed.fire.due,
                                               .outcome = store::FireOutcome::missed,
                                               .count = missed.count,
                                               .noticed_at = now});
    if (fresh) ++enqueued.missed;
  }
  for (const Start& start : verdict.starts) {
    Instant due = start.fire.due;
    if (start.late) due = now + std::min(catch_up_spacing * caught_up++, catch_up_span);
    start_fire(db, schedule, start, due, now, enqueued);
  }
}

}  // namespace

Enqueued enqueue_due_runs(db::Database& database, Instant now) {
  const auto unplanned = database.read(
      [](db::Session& db) { return store::list_unplanned_schedules(db, schedules_a_step); });
  if (!unplanned.empty()) {
    database.write([&](db::Session& db) {
      for (const store::Schedule& schedule : unplanned) plan_schedule(db, schedule);
    });
  }

  const auto due = database.read(
      [&](db::Session& db) { return store::list_due_schedules(db, now, schedules_a_step); });
  Enqueued enqueued;
  if (!due.empty()) {
    enqueued = database.write([&](db::Session& db) {
      Enqueued done;
      int caught_up = 0;
      for (const store::Schedule& schedule : due) fire_schedule(db, schedule, now, caught_up, done);
      return done;
    });
  }
  enqueued.more = due.size() == schedules_a_step || unplanned.size() == schedules_a_step;
  enqueued.next_due = database.read([](db::Session& db) { return store::next_due(db); });
  return enqueued;
}

}  // namespace cupola::scheduler
