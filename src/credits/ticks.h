#pragma once

/// How many of a schedule's ticks were kept. Pure.
///
/// A tick is one due time of a schedule. It is missed when no run started within 30 minutes of it
/// nor before the next one; a run of a later tick counts too. A run that failed counts as one: that
/// is not the platform's fault; one that was lost does not. What the user's own settings turned
/// down is due, and not missed.

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace cupola::credits {

inline constexpr std::chrono::minutes tick_grace{30};

struct Tick {
  Instant due;
  std::int64_t count = 1;             ///< ticks that this one stands for, the last of them at `due`
  std::optional<Instant> started_at;  ///< its run's first start, unless that was lost
  bool is_excused = false;            ///< it was to start nothing
  bool is_given_up = false;           ///< nothing will start for it any more
};

struct TickCount {
  std::int64_t due = 0;
  std::int64_t missed = 0;
};

/// Counts a schedule's ticks, which are given newest first.
class TickCounter {
 public:
  /// `next_due` is when the tick after the newest was due, where that has come.
  TickCounter(Instant now, std::optional<Instant> next_due) : now_(now), next_due_(next_due) {}

  void add(const Tick& tick);
  const TickCount& count() const { return count_; }

 private:
  const Instant now_;
  std::optional<Instant> next_due_;
  std::optional<Instant> later_start_;  ///< the first of those of later ticks
  TickCount count_;
};

}  // namespace cupola::credits
