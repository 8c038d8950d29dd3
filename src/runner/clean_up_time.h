#pragma once

/// Whether the clock can be trusted enough to take things away by their age.

#include "base/time.h"
#include "db/database.h"

namespace cupola::runner {

/// A longer time between two looks is a server that was down, or a clock that was set forward.
inline constexpr std::chrono::milliseconds longest_gap = 3 * 24h;
/// So long nothing is taken away then: time to set the clock right.
inline constexpr std::chrono::milliseconds doubt_lasts = 24h;

/// Notes that the clock says `now`, and gives whether old things may be taken away. Not for
/// `doubt_lasts` after a gap of more than `longest_gap` since the last look; each look in that time
/// is a warning in the log. A clock that is set back ends the doubt: by it, less is old. What was
/// noted stands in the database, so that it holds over restarts. Call it each hour. Throws Failure
/// when the database is gone.
bool may_clean_up(db::Database& database, Instant now);

}  // namespace cupola::runner
