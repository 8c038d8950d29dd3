#pragma once

/// How a stored schedule says when it fires.

#include <vector>

#include "base/outcome.h"
#include "cron/fires.h"
#include "store/schedules.h"

namespace cupola::scheduler {

/// Errors: invalid, when interval or zone cannot be read (a deploy refuses those, so only a zone
/// that has left the system's zone data since gets here).
Result<cron::Timing> timing_of(const store::Schedule& schedule);

/// The next `count` fires after `now`, the one that is awaited first; whether the schedule is
/// switched on or not.
std::vector<cron::Fire> next_fires(const store::Schedule& schedule, Instant now, int count);

}  // namespace cupola::scheduler
