#pragma once

/// The steps in a run's life: its transactions, and between them what the machine does.

#include "base/clock.h"
#include "db/database.h"
#include "runner/machine.h"
#include "runner/open_run.h"
#include "runner/options.h"
#include "store/vault.h"

namespace cupola::runner {

/// What the steps work with.
struct Surroundings {
  db::Database& database;
  const store::Vault& vault;
  const Clock& clock;
  Machine& machine;
};

enum class Start {
  started,  ///< its supervisor lives
  requeued  ///< a deploy changed its state ids since it was queued: it must take those first
};
/// Prepares the run and starts its supervisor. On an Error the run is to end with that as its
/// cause; Failure for what has nothing to do with this run (database gone, disk full).
Result<Start> start_run(const Surroundings& with, const Options& options, OpenRun& open);

/// Writes the states that changed since the last call, as the run's own version.
void capture_run(const Surroundings& with, OpenRun& open);

/// Result, last states and the release of its state ids in one transaction, then tidies up: its
/// next attempt waits then, or it is final. Whoever holds a newer lease token wins: then nothing is
/// written. After a Failure (database gone) it can be called again.
void end_run(const Surroundings& with, OpenRun& open);

/// Whether no attempt of the run will follow: it has ended, or there is no such run any more.
bool is_final(db::Database& database, const RunId& id);

/// A run that was claimed and that nothing was started for: to the queue, or cancelled if that was
/// asked for meanwhile. One that had started, and of which nothing is left, is lost.
void give_back(const Surroundings& with, const store::Run& run, const store::Lease& lease);

}  // namespace cupola::runner
