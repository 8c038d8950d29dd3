#include "store/run_end.h"

#include "store/backfill_runs.h"
#include "store/notification_events.h"
#include "store/schedule_failures.h"

namespace cupola::store {

void follow_end(db::Session& db, const EndedRun& run, Instant now) {
  const auto paused = count_outcome(db, run, now);
  tell_outcome(db, run.id, paused, now);
  if (run.trigger == Trigger::backfill) note_interval_end(db, run, now);
}

}  // namespace cupola::store
