#pragma once

/// What follows from the end of a run, for the files of this module that end runs.

#include <optional>

#include "db/database.h"
#include "store/runs.h"

namespace cupola::store {

/// A run whose status has just become final.
struct EndedRun {
  RunId id;
  std::optional<ScheduleKey> schedule;
  Trigger trigger = Trigger::manual;
  RunStatus status = RunStatus::failed;
};

/// Its schedule counts failures in a row, and is switched off after as many as it says; who wants
/// to know is told; a backfill goes on to its next interval. Call it in the transaction that ends
/// the run, once.
void follow_end(db::Session& db, const EndedRun& run, Instant now);

}  // namespace cupola::store
