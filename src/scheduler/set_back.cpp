#include "scheduler/set_back.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "scheduler/timing.h"
#include "store/attempts.h"
#include "store/set_back.h"

namespace cupola::scheduler {
namespace {

constexpr int rows_a_step = 200;
/// How far back fires are looked for that were passed over, where none is recorded.
constexpr std::chrono::milliseconds look_back = 31 * 24h;
/// Fires that happened ahead of time and are passed over at once; further ones when they come.
constexpr int passed_over = 16;

struct Ahead {
  std::vector<store::Run> runs;
  std::vector<store::Run> attempts;  ///< that wait for longer than any does
  std::vector<store::Schedule> schedules;
};

struct TakenBack {
  std::size_t runs = 0;
  std::size_t schedules = 0;
  std::int64_t fires = 0;
};

Ahead find_ahead(db::Session& db, Instant limit) {
  Ahead ahead;
  // Of the queue only the end is looked at: what was queued ahead of time is due later than all.
  const auto last = store::last_queued_run(db);
  if (last && last->queued_at > limit && last->due_at > limit)
    ahead.runs = store::list_runs_queued_after(db, limit, rows_a_step);
  ahead.attempts = store::list_attempts_due_after(db, limit + store::longest_back_off, rows_a_step);
  ahead.schedules = store::list_schedules_planned_after(db, limit, rows_a_step);
  return ahead;
}

/// Whether the run's fire is the next that its schedule has: then it starts at its time as it is.
bool comes_next(db::Session& db, const store::Run& run, Instant now) {
  const auto schedule = run.schedule ? store::find_schedule(db, *run.schedule) : std::nullopt;
  if (!schedule || !schedule->enabled || !schedule->present) return false;
  const auto timing = timing_of(*schedule);
  const auto next = timing ? cron::next_fire(*timing, now) : std::nullopt;
  return next && next->nominal == run.scheduled_at;
}

bool take_back(db::Session& db, const store::Run& run, Instant now) {
  const bool is_of_a_fire =
      run.trigger == store::Trigger::schedule || run.trigger == store::Trigger::catch_up;
  if (!is_of_a_fire) return store::make_due(db, run.id, now);
  if (comes_next(db, run, now)) return false;
  return store::take_back_fire(db, run,
                               "It was queued by a clock that has been set back since; its fire "
                               "comes again at its time.",
                               now);
}

std::int64_t plan_anew(db::Session& db, const store::Schedule& schedule, Instant now) {
  const std::int64_t forgotten = store::forget_unstarted_fires(db, schedule.key, now);
  std::optional<cron::Fire> next;
  if (const auto timing = timing_of(schedule)) {
    const Instant since = std::min(
        now,
        std::max(schedule.enabled_at.value_or(schedule.interval_since), schedule.interval_since));
    const auto last = store::last_fire_noticed(db, schedule.key, now);
    // By its nominal time: its offset may have been another one.
    next = cron::next_fire(
        *timing, std::max(since, last ? last->nominal + timing->offset : now - look_back));
    for (int i = 0; next && i < passed_over && store::has_fire(db, schedule.key, next->nominal);
         ++i)
      next = cron::next_fire(*timing, next->due);
  }
  store::set_next_fire(db, schedule.key, schedule.due_at,
                       next ? std::optional{next->due} : std::nullopt,
                       next ? std::optional{next->nominal} : std::nullopt, now);
  return forgotten;
}

}  // namespace

bool take_back_what_lies_ahead(db::Database& database, const Moment& moment) {
  const Instant now = moment.now;
  const Ahead ahead =
      database.read([&](db::Session& db) { return find_ahead(db, now + clocks_differ_by); });
  if (ahead.runs.empty() && ahead.attempts.empty() && ahead.schedules.empty()) return false;
  const TakenBack taken = database.write([&](db::Session& db) {
    if (moment.was_held_up()) return TakenBack{};
    TakenBack all{.schedules = ahead.schedules.size()};
    for (const store::Run& run : ahead.runs) all.runs += take_back(db, run, now) ? 1 : 0;
    for (const store::Run& run : ahead.attempts)
      all.runs += store::set_attempt_due(db, run, now) ? 1 : 0;
    for (const store::Schedule& schedule : ahead.schedules)
      all.fires += plan_anew(db, schedule, now);
    return all;
  });
  if (taken.runs == 0 && taken.schedules == 0) return false;
  log_warning(
      "The clock was set back: {} schedules are planned anew from now on, {} fires that were "
      "recorded as missed ahead of time are not, {} queued runs were due ahead of time.",
      taken.schedules, taken.fires, taken.runs);
  return ahead.runs.size() == rows_a_step || ahead.attempts.size() == rows_a_step ||
         ahead.schedules.size() == rows_a_step;
}

}  // namespace cupola::scheduler
