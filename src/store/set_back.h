#pragma once

/// What was written under a clock that has been set back since: rows that say they were made at a
/// time which has not come yet.

#include <optional>
#include <vector>

#include "db/database.h"
#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::store {

/// Enabled and present schedules whose next fire was set later than `after`, the latest first.
std::vector<Schedule> list_schedules_planned_after(db::Session& db, Instant after, int limit);

/// Forgets the schedule's fires that started no run and were noticed later than `after`; gives for
/// how many fires those rows stood.
std::int64_t forget_unstarted_fires(db::Session& db, const ScheduleKey& schedule, Instant after);

/// The newest fire that was noticed at or before `now`.
std::optional<Fire> last_fire_noticed(db::Session& db, const ScheduleKey& schedule, Instant now);

bool has_fire(db::Session& db, const ScheduleKey& schedule, Instant nominal);

/// The queued run that is due last of all but those that wait for an attempt.
std::optional<Run> last_queued_run(db::Session& db);

/// Queued runs that were queued later than `after`, and are due later; none that has started once.
std::vector<Run> list_runs_queued_after(db::Session& db, Instant after, int limit);

/// A queued run of a fire: ends it as skipped and forgets the fire, so that it comes at its time.
/// False, and nothing changed, when it waits no longer.
bool take_back_fire(db::Session& db, const Run& run, std::string_view cause, Instant now);

/// A queued run that somebody asked for is due now, as if it had been asked for now; false when it
/// waits no longer.
bool make_due(db::Session& db, const RunId& run, Instant now);

}  // namespace cupola::store
