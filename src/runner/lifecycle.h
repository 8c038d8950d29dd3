#pragma once

/// The steps in a run's life, each a function of what a server has and of one open run.

#include "runner/open_run.h"
#include "runner/runner.h"

namespace cupola::runner {

/// Prepares the folder and starts the supervisor. On a Result the run is to end with that as its
/// cause; Failure for what has nothing to do with this run (database gone, disk full).
Result<void> start_run(const Dependencies& dependencies, const Options& options, OpenRun& open);

/// Writes the states that changed since the last call, as the run's own version.
void capture_run(const Dependencies& dependencies, OpenRun& open);

/// Result, last states and the release of its state ids in one transaction, then compresses the log
/// and wipes the folder. Whoever holds a newer lease token wins: then only nothing is written.
void end_run(const Dependencies& dependencies, const Options& options, OpenRun& open);

/// The same for a run that never had a supervisor, or whose supervisor is gone.
void end_run_as(const Dependencies& dependencies, OpenRun& open, const store::RunResult& result);

/// What was found of an open run of this worker after a restart.
enum class Found {
  alive,         ///< its supervisor goes on: watch it
  ended,         ///< it ended meanwhile: end_run
  never_started  ///< nothing was started, and now nothing can be: back to the queue
};
/// Looks for the supervisor by the pid and start time that it wrote. Waits up to 3 s for one that
/// was being started when the server died.
Found find_supervisor(OpenRun& open);

}  // namespace cupola::runner
