#include "runner/frequency.h"

#include "credits/cost.h"
#include "cron/fires.h"
#include "store/schedules.h"

namespace cupola::runner {

bool is_frequent(db::Session& db, const store::Run& run, Instant start) {
  const bool is_by_clock =
      run.trigger == store::Trigger::schedule || run.trigger == store::Trigger::catch_up;
  if (!is_by_clock || !run.schedule) return false;
  const auto schedule = store::find_schedule(db, *run.schedule);
  if (!schedule) return false;
  const auto expression = cron::Expression::parse(schedule->interval);
  const auto zone = cron::Zone::find(schedule->timezone);
  if (!expression || !zone) return false;
  return credits::is_frequent(cron::fires_per_day(*expression, *zone, start));
}

}  // namespace cupola::runner
