#pragma once

/// How one attempt becomes the next, for the files of this module that end runs.

#include <optional>
#include <string>

#include "db/database.h"
#include "store/attempts.h"

namespace cupola::store {

/// Whether a run that ended so may be tried again.
bool may_be_tried_again(RunStatus status);

/// The open run under this lease, where it has an attempt left and no stop was asked for. Its row
/// is locked until the transaction ends.
std::optional<Run> find_with_attempt_left(db::Session& db, const Lease& lease);

/// Whether a newer fire of its schedule waits already, where at most one run may wait.
bool is_superseded(db::Session& db, const Run& run);

/// Keeps the attempt that ended, and gives the run back to the queue for the next one.
void queue_next_attempt(db::Session& db, const Run& run, const RunResult& result, Instant now);

}  // namespace cupola::store
