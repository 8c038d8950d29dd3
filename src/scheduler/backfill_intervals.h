#pragma once

/// The intervals of a schedule that have gone by: from one fire to the next.

#include <utility>
#include <vector>

#include "base/outcome.h"
#include "store/schedules.h"

namespace cupola::scheduler {

struct IntervalsWanted {
  Instant since;
  Instant until;
  int limit = 0;  ///< 0: all
  bool newest_first = false;
};

/// Those that lie within the range, in the order in which they are wanted: from nominal time to
/// nominal time, without the offset. Errors: invalid, when there is none, or when there are more
/// than a backfill may have (store/backfills.h) and no limit is given.
Result<std::vector<std::pair<Instant, Instant>>> intervals_of(const store::Schedule& schedule,
                                                              const IntervalsWanted& wanted);

}  // namespace cupola::scheduler
