#pragma once

/// Who holds which open runs, and how others see that they are gone: by beats that no longer move.
/// No clock decides about a lease, so neither a wrong one nor a pause can end it.

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "db/database.h"
#include "store/runs.h"

namespace cupola::store {

/// Says that the worker is alive: raises its beat.
void beat(db::Session& db, std::string_view worker);

/// The same, and whether the lease is still the worker's: the run is open under its token.
bool beat_for(db::Session& db, std::string_view worker, const Lease& lease);

/// An open run and the beat of the worker that holds it; 0 when that never beat.
struct HeldRun {
  Lease lease;
  std::string worker;
  std::int64_t beat = 0;
};
/// The open runs of all other workers.
std::vector<HeldRun> list_runs_of_others(db::Session& db, std::string_view worker);

/// Ends the attempt of a run as lost whose worker was seen to be gone (`finish_run`). Stale when
/// that has beaten since, or the run ended or was taken over.
Finish end_lost_run(db::Session& db, const HeldRun& seen, std::string_view cause, Instant now);

}  // namespace cupola::store
