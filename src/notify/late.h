#pragma once

/// Schedules without a success for too long.

#include <optional>

#include "base/time.h"
#include "cron/fires.h"
#include "db/database.h"

namespace cupola::notify {

/// When a schedule is late: its last success (or, without one, the time from which it counts) was
/// longer ago than its period, which is the time between the fires before and after it, and a
/// quarter of that, at least 5 min and at most 6 h. Empty without a clock.
std::optional<Instant> late_at(const cron::Timing& timing, Instant last_success);
std::optional<Instant> late_at_without_success(const cron::Timing& timing, Instant since);

/// Notes each schedule that is late now, once for each lateness, in organizations that ask for it;
/// gives how many.
int tell_late_schedules(db::Database& database, Instant now);

}  // namespace cupola::notify
