#pragma once

/// The time by which one step judges. Inner to `scheduler`.

#include "base/clock.h"

namespace cupola::scheduler {

/// A server that hung between its look at the clock and a write would judge by a time that has gone
/// by, and take what others wrote meanwhile for the work of a clock that stood ahead. So each write
/// of a step asks, inside its transaction, whether the step was held up, and changes nothing then.
class Moment {
 public:
  /// Far below the differences between clocks that are taken for a clock that was set.
  static constexpr std::chrono::milliseconds held_up_after{10'000};

  explicit Moment(const Clock& clock) : now(clock.now()), clock_(clock) {}
  bool was_held_up() const { return clock_.now() - now > held_up_after; }

  const Instant now;

 private:
  const Clock& clock_;
};

}  // namespace cupola::scheduler
