#pragma once

/// Work that must not hold up the loop.

#include <functional>

#include "base/id.h"

namespace cupola::runner {

class Tasks {
 public:
  virtual ~Tasks() = default;

  enum class Kind {
    start,  ///< may fetch or build first, which takes minutes: never in the way of the others
    other
  };
  /// Runs `work` off the loop, and after it `then` on the loop with whether it went through: an
  /// exception out of `work` is logged. The caller gives a run one task at a time.
  virtual void run(Kind kind, const RunId& run, std::function<void()> work,
                   std::function<void(bool)> then) = 0;
};

}  // namespace cupola::runner
