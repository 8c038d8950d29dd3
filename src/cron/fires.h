#pragma once

/// When a schedule fires: cron expression, zone and constant offset make instants.
///
/// An expression names times on the zone's wall clock. Where the clock is changed, a fixed time
/// that is left out fires once, right after the gap, and one that is shown twice fires once, the
/// first time; an expression whose minute or hour begins with `*` follows real time, and fires at
/// each instant at which the clock shows a matching minute. (Debian's cron; docs: crontab(5).)
///
/// Pure: no clock. Answers are exact for the years 1970 to 2199, and empty outside 1 to 9999.

#include <chrono>
#include <optional>

#include "base/time.h"
#include "cron/expression.h"
#include "cron/zone.h"

namespace cupola::cron {

/// How far next_fire and previous_fire look: eight years of 365.25 days.
constexpr std::chrono::hours search_limit{24 * 2922};

struct Timing {
  Expression expression;
  Zone zone = Zone::utc();
  std::chrono::minutes offset{0};  ///< added to every fire as elapsed time; within +-1 year
};

struct Fire {
  Instant nominal;  ///< the instant that the expression names
  Instant due;      ///< nominal + offset: when the run is to start

  bool operator==(const Fire&) const = default;
};

/// The fire with the smallest `due` strictly after `after`. Empty without a clock, and where none
/// comes within search_limit. `*/15` with an offset of 3 minutes is due at 3, 18, 33 and 48.
std::optional<Fire> next_fire(const Timing& timing, Instant after);

/// The fire with the greatest `due` strictly before `before`; empty as for next_fire.
std::optional<Fire> previous_fire(const Timing& timing, Instant before);

/// How many fires have their `due` after `after` and at or before `until`; 0 without a clock. Costs
/// nanoseconds a day, however often it fires.
std::int64_t count_fires(const Timing& timing, Instant after, Instant until);

/// The mean number of fires a day over the 365 days after `from`; 0 without a clock. Costs
/// microseconds, however often it fires.
double fires_per_day(const Expression& expression, const Zone& zone, Instant from);

}  // namespace cupola::cron
