#pragma once

/// Stepping through a calendar without zones: which minute of a wall clock matches next.

#include <cstdint>
#include <optional>

#include "cron/fields.h"

namespace cupola::cron {

/// Minutes on a wall clock since its 1970-01-01 00:00 (proleptic Gregorian calendar).
using WallMinute = std::int64_t;

/// The smallest matching minute in [from, to]; empty when there is none. Bounds must lie within
/// the years -30000 to 30000. Costs nanoseconds, and one step for each month without a match.
std::optional<WallMinute> first_match(const Fields& fields, WallMinute from, WallMinute to);

/// The greatest matching minute in [from, to]; empty when there is none.
std::optional<WallMinute> last_match(const Fields& fields, WallMinute from, WallMinute to);

/// Whether the day, counted from 1970-01-01, matches month, day of month and day of week.
bool matches_day(const Fields& fields, std::int64_t day);

/// The days (bit 1-31) of a month of `length` days that begins on weekday `first` (0 is Sunday)
/// on which the expression fires; 0 when `month` (1-12) does not match.
std::uint32_t matching_days(const Fields& fields, unsigned month, unsigned length, unsigned first);

}  // namespace cupola::cron
