#pragma once

/// A clock that stands until a test moves it.

#include <atomic>

#include "base/clock.h"

namespace cupola::testing {

/// Safe from any thread.
class FakeClock : public Clock {
 public:
  explicit FakeClock(Instant start) : now_(to_milliseconds(start)) {}

  Instant now() const override { return from_milliseconds(now_); }
  void advance(std::chrono::milliseconds span) { now_ += span.count(); }
  /// Also backwards, as when the system's clock is set.
  void set(Instant instant) { now_ = to_milliseconds(instant); }

 private:
  std::atomic<std::int64_t> now_;
};

}  // namespace cupola::testing
