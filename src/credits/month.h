#pragma once

/// Days and months of the account: those of UTC.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace cupola::credits {

using Day = std::chrono::sys_days;

inline Day day_of(Instant instant) {
  return std::chrono::floor<std::chrono::days>(instant);
}

/// The first day of the month that the day is in.
Day month_of(Day day);
/// The first day of the next month.
Day month_after(Day day);

std::string day_text(Day day);    ///< "2026-11-23"
std::string month_text(Day day);  ///< "2026-11"

/// "2026-11-23", a day of the years 1970 to 9999. Empty for anything else.
std::optional<Day> parse_day(std::string_view text);
/// "2026-11": its first day.
std::optional<Day> parse_month(std::string_view text);

}  // namespace cupola::credits
