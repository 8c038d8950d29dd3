#pragma once

/// What a cron expression matches, as bits. Plain data; calendar.h steps through time with it.

#include <cstdint>

namespace cupola::cron {

struct Fields {
  std::uint64_t minutes = 0;   ///< bit 0-59
  std::uint32_t hours = 0;     ///< bit 0-23
  std::uint32_t days = 0;      ///< bit 1-31
  std::uint16_t months = 0;    ///< bit 1-12
  std::uint8_t weekdays = 0;   ///< bit 0 (Sunday) to 6: each such day of the month
  bool last_day = false;       ///< L: the last day of the month
  bool last_weekday = false;   ///< LW: the last day from Monday to Friday
  std::uint64_t nth_days = 0;  ///< bit 7 * (n - 1) + weekday for n = 1-5; n = 6 is the last one

  /// Vixie's rule: a day must match day-of-month and day-of-week where one of the two begins with
  /// a star, else either will do.
  bool both_days = false;

  /// Debian's rule: minute or hour begins with a star, so fires follow real time over a change of
  /// the clock; else they are fixed times of the day, each of which comes once.
  bool real_time = false;
};

}  // namespace cupola::cron
