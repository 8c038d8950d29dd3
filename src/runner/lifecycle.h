#pragma once

/// The steps in a run's life, each a function of what a server has and of one open run.

#include "runner/open_run.h"
#include "runner/runner.h"

namespace cupola::runner {

enum class Start {
  started,  ///< its supervisor lives
  requeued  ///< a deploy changed its state ids since it was queued: it must take those first
};
/// Prepares the folder and starts the supervisor. On an Error the run is to end with that as its
/// cause; Failure for what has nothing to do with this run (database gone, disk full).
Result<Start> start_run(const Dependencies& dependencies, const Options& options, OpenRun& open);

/// Writes the states that changed since the last call, as the run's own version.
void capture_run(const Dependencies& dependencies, OpenRun& open);

/// Result, last states and the release of its state ids in one transaction, then compresses the log
/// and wipes the folder. Whoever holds a newer lease token wins: then nothing is written. After a
/// Failure (database gone) it can be called again.
void end_run(const Dependencies& dependencies, const Options& options, OpenRun& open);

/// What was found of an open run of this worker after a restart.
enum class Found {
  alive,         ///< its supervisor goes on: watch it
  ended,         ///< it ended meanwhile: end_run
  never_started  ///< nothing was started, or nothing is left of it, and now nothing can be
};
/// Looks for the supervisor by the pid and start time that it wrote. Waits up to 3 s for one that
/// was being started when the server died.
Found find_supervisor(OpenRun& open);

}  // namespace cupola::runner
