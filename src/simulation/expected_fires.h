#pragma once

/// When schedules ought to fire, worked out plainly, minute by minute, beside the program's own
/// cron.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace cupola::simulation {

/// An interval that this knows to read.
struct Interval {
  std::string text;
  bool is_fixed;  ///< a fixed time of day: in a gap of the clock right after it, and never twice
  bool (*matches)(int hour, int minute);
};
const std::vector<Interval>& intervals();

/// A time in which a schedule was on and kept interval, zone and offset. All fires with a due time
/// after `after` and a nominal time from `from` on, before `until`, must have been recorded.
struct Era {
  std::string interval;
  std::string zone;
  std::chrono::minutes offset{0};
  Instant after;
  Instant from;
  Instant until;
};
/// The nominal times of those fires.
std::set<Instant> expected_fires(const Era& era);

}  // namespace cupola::simulation
