#pragma once

/// Where the present comes from. Steps take an `Instant`; only loops and handlers ask a clock.

#include <ctime>

#include "base/time.h"

namespace cupola {

/// What time it is. `now` may jump, both ways, when the system's clock is set. Safe from any
/// thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

/// Since the machine was started, also while it slept; never set. The same for all its processes.
inline std::chrono::milliseconds up_time() {
  ::timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) +
         std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(time.tv_nsec));
}

/// The system's clock.
class SystemClock : public Clock {
 public:
  Instant now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace cupola
