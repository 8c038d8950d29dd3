#pragma once

/// Which fires of a schedule have come, and what its policy makes of those that came too late.

#include <vector>

#include "base/time.h"
#include "cron/fires.h"
#include "store/schedules.h"

namespace cupola::scheduler {

/// A fire that starts this late or later was missed: the server was down, or its clock was set.
inline constexpr std::chrono::milliseconds late_after = 60s;
/// Missed fires older than this are not made up for.
inline constexpr std::chrono::milliseconds catch_up_within = 24h;
/// With `Missed::all`, at most the newest so many are made up for.
inline constexpr std::size_t catch_up_most = 100;
/// Missed fires get a row each up to so many; older ones share one row that counts them.
inline constexpr std::size_t missed_rows = 100;

/// A fire that is to become a run.
struct Start {
  cron::Fire fire;
  std::int64_t stands_for = 1;  ///< with the missed ones before it
  bool late = false;
};
/// A fire that is recorded as missed; `count` > 1 for a row that stands for older ones too.
struct MissedFire {
  cron::Fire fire;
  std::int64_t count = 1;
};
struct Verdict {
  std::vector<Start> starts;       ///< oldest first
  std::vector<MissedFire> missed;  ///< oldest first
};

/// Judges the fires from `first` (the one awaited, due at or before `now`) to `now`. Costs what the
/// rows cost, however long ago `first` was.
Verdict judge(const cron::Timing& timing, const cron::Fire& first, store::Missed policy,
              Instant now);

}  // namespace cupola::scheduler
