#pragma once

/// What the loop of a runner is told.

#include <vector>

#include "base/id.h"

namespace cupola::runner {

/// What happened since the last step.
struct Events {
  std::vector<RunId> ended;    ///< their supervisor's process is gone
  std::vector<RunId> started;  ///< started.json appeared in their folder
  bool woken = false;          ///< something was queued or is to be stopped
};

}  // namespace cupola::runner
