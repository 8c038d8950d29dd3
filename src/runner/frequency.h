#pragma once

/// How often a run's schedule fires, as far as its cost asks.

#include "db/database.h"
#include "store/runs.h"

namespace cupola::runner {

/// Whether the run is one by the clock, of a schedule that is frequent from `start` on
/// (credits/cost.h). Runs that were asked for in another way never are. Costs a look at the
/// schedule and some microseconds.
bool is_frequent(db::Session& db, const store::Run& run, Instant start);

}  // namespace cupola::runner
