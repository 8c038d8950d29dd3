#pragma once

/// How a backfill goes on from run to run, for the files of this module that end runs.

#include "db/database.h"
#include "store/backfills.h"
#include "store/run_end.h"

namespace cupola::store {

/// Notes how the run of an interval ended, and goes on.
void note_interval_end(db::Session& db, const EndedRun& run, Instant now);

/// Queues runs for the next intervals, as many as may be open; ends the backfill after the last,
/// and stops it where the live release no longer has its schedule, or no credits are left.
void go_on(db::Session& db, const BackfillKey& backfill, Instant now);

}  // namespace cupola::store
