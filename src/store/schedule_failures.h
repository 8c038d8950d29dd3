#pragma once

/// Failures in a row of a schedule, for the files of this module that end runs.

#include <optional>
#include <string>

#include "db/database.h"
#include "store/run_end.h"

namespace cupola::store {

/// A run by the clock that ended failed, timed out or lost is one failure more; a success, also of
/// a run by hand, ends the row of them; all else changes nothing. With as many as the schedule's
/// `pause_after` it is switched off, with a cause and an entry in the audit log; then what is to be
/// told of that comes back.
std::optional<std::string> count_outcome(db::Session& db, const EndedRun& run, Instant now);

}  // namespace cupola::store
