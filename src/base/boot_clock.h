#pragma once

/// A clock that nobody sets: it goes on from what somebody with a better one told.

#include <ctime>

#include "base/clock.h"

namespace cupola {

/// Since this machine was started, the time that it slept included; the same for all its programs.
inline std::chrono::milliseconds since_boot() {
  std::timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::milliseconds{std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000};
}

/// Counts from the instant that it was when this machine was started.
class BootClock : public Clock {
 public:
  explicit BootClock(Instant at_boot) : at_boot_(at_boot) {}
  Instant now() const override { return at_boot_ + since_boot(); }

 private:
  Instant at_boot_;
};

}  // namespace cupola
