#pragma once

/// Due schedules become queued runs: a step function of a database and a clock.

#include <optional>

#include "base/clock.h"
#include "db/database.h"

namespace cupola::scheduler {

struct Enqueued {
  int runs = 0;       ///< queued now
  int missed = 0;     ///< rows of missed fires written
  int skipped = 0;    ///< fires that the overlap policy, or a lack of credits, turned down
  bool more = false;  ///< more is due already: call again at once
  std::optional<Instant> next_due;  ///< when the next schedule is due
};

/// Plans the schedules that were switched, deployed or changed, then turns each fire that is due
/// at `now` into a queued run, a recorded miss or a recorded skip, by the schedule's policies, and
/// sets the next fire; each schedule in one transaction with its fires. A fire is recorded under a
/// unique key (schedule, nominal time), so that it happens once however many servers call this.
///
/// The next fire is the first whose due time (with the offset) is after the switch-on and after the
/// deploy that last changed the interval. One call is a bounded piece of work, some tens of
/// milliseconds of the database. When the clock was set back, scheduler/set_back.h is done first.
/// Throws Failure when the database is gone.
Enqueued enqueue_due_runs(db::Database& database, const Clock& clock);

}  // namespace cupola::scheduler
