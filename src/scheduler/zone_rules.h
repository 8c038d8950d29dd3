#pragma once

/// What is done when the rules of time zones have changed since fires were planned.

#include "base/time.h"
#include "db/database.h"

namespace cupola::scheduler {

/// Sets each fire that is awaited after `now` to what the system's zone data says today; gives how
/// many moved. Zone data is read once in a process, so this is for its start: rules that changed
/// while it ran are followed after the next restart. Reads all enabled schedules, in small steps.
/// Throws Failure when the database is gone.
int follow_zone_rules(db::Database& database, Instant now);

}  // namespace cupola::scheduler
