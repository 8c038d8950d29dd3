#include "cron/calendar.h"

#include <bit>

namespace cupola::cron {
namespace {

constexpr std::int64_t minutes_per_day = 24 * 60;

/// A month: where it stands, and its first day counted from 1970-01-01.
struct Month {
  std::int64_t year;
  unsigned month;
  unsigned length;
  std::int64_t first_day;
};

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

unsigned length_of(std::int64_t year, unsigned month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return 30 + ((month + (month >> 3)) & 1);
}

// Days since 0000-03-01 in eras of 400 years, as in Howard Hinnant's "chrono-compatible low-level
// date algorithms"; std::chrono's year is too small for the bounds and its checks cost time.
Month month_of(std::int64_t day) {
  const std::int64_t shifted = day + 719468;
  const std::int64_t era = floor_div(shifted, 146097);
  const auto of_era = static_cast<unsigned>(shifted - era * 146097);
  const unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march_based = (5 * of_year + 2) / 153;
  const unsigned day_index = of_year - (153 * march_based + 2) / 5;
  const unsigned month = march_based < 10 ? march_based + 3 : march_based - 9;
  const std::int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
  return {year, month, length_of(year, month), day - day_index};
}

void step_forward(Month& at) {
  at.first_day += at.length;
  if (++at.month == 13) {
    at.month = 1;
    ++at.year;
  }
  at.length = length_of(at.year, at.month);
}

void step_back(Month& at) {
  if (--at.month == 0) {
    at.month = 12;
    --at.year;
  }
  at.length = length_of(at.year, at.month);
  at.first_day -= at.length;
}

/// 0 is Sunday; 1970-01-01 was a Thursday.
unsigned weekday_of(std::int64_t day) {
  return static_cast<unsigned>(day + 4 - floor_div(day + 4, 7) * 7);
}

std::uint32_t matching_days(const Fields& fields, const Month& at) {
  return matching_days(fields, at.month, at.length, weekday_of(at.first_day));
}

unsigned lowest(std::uint64_t bits) {
  return static_cast<unsigned>(std::countr_zero(bits));
}
unsigned highest(std::uint64_t bits) {
  return static_cast<unsigned>(std::bit_width(bits)) - 1;
}

/// The first matching minute of the day at or after `minute`, or -1.
int first_in_day(const Fields& fields, unsigned minute) {
  const unsigned hour = minute / 60;
  const std::uint64_t rest = fields.minutes >> (minute % 60);
  if ((fields.hours >> hour & 1) != 0 && rest != 0) return static_cast<int>(minute + lowest(rest));
  const std::uint32_t later = fields.hours >> (hour + 1);
  if (later == 0 || fields.minutes == 0) return -1;
  return static_cast<int>((hour + 1 + lowest(later)) * 60 + lowest(fields.minutes));
}

/// The last matching minute of the day at or before `minute`, or -1.
int last_in_day(const Fields& fields, unsigned minute) {
  const unsigned hour = minute / 60;
  const std::uint64_t rest = fields.minutes & (~std::uint64_t{0} >> (63 - minute % 60));
  if ((fields.hours >> hour & 1) != 0 && rest != 0)
    return static_cast<int>(hour * 60 + highest(rest));
  const std::uint32_t earlier = fields.hours & ((std::uint32_t{1} << hour) - 1);
  if (earlier == 0 || fields.minutes == 0) return -1;
  return static_cast<int>(highest(earlier) * 60 + highest(fields.minutes));
}

/// The weekday bits of a week that begins on `first` in place of Sunday.
std::uint32_t turned(std::uint32_t week, unsigned first) {
  return (week >> first | week << (7 - first)) & 0x7f;
}

}  // namespace

std::uint32_t matching_days(const Fields& fields, unsigned month, unsigned length, unsigned first) {
  if ((fields.months >> month & 1) == 0) return 0;
  const std::uint32_t all = (std::uint32_t{2} << length) - 2;

  std::uint32_t by_month = fields.days;
  if (fields.last_day) by_month |= std::uint32_t{1} << length;
  if (fields.last_weekday) {
    const unsigned weekday = (first + length - 1) % 7;
    const unsigned beyond_friday = weekday == 0 ? 2 : (weekday == 6 ? 1 : 0);
    by_month |= std::uint32_t{1} << (length - beyond_friday);
  }

  // The pattern of one week, five times over from day 1 on.
  std::uint64_t by_week = turned(fields.weekdays, first) * std::uint64_t{0x10204081};
  if (fields.nth_days != 0) {
    for (unsigned week = 0; week < 5; ++week) {
      const auto nth = static_cast<std::uint32_t>(fields.nth_days >> (7 * week) & 0x7f);
      by_week |= std::uint64_t{turned(nth, first)} << (7 * week);
    }
    const auto last = static_cast<std::uint32_t>(fields.nth_days >> 35 & 0x7f);
    by_week |= std::uint64_t{turned(last, (first + length) % 7)} << (length - 7);
  }
  const auto weekly = static_cast<std::uint32_t>(by_week << 1);

  return all & (fields.both_days ? by_month & weekly : by_month | weekly);
}

bool matches_day(const Fields& fields, std::int64_t day) {
  const Month at = month_of(day);
  return (matching_days(fields, at) >> (day - at.first_day + 1) & 1) != 0;
}

std::optional<WallMinute> first_match(const Fields& fields, WallMinute from, WallMinute to) {
  if (from > to) return std::nullopt;
  const std::int64_t day = floor_div(from, minutes_per_day);
  Month at = month_of(day);
  std::uint32_t days = matching_days(fields, at);
  const auto index = static_cast<unsigned>(day - at.first_day + 1);
  const auto within = [to](WallMinute minute) {
    return minute <= to ? std::optional{minute} : std::nullopt;
  };

  if ((days >> index & 1) != 0) {
    const int minute = first_in_day(fields, static_cast<unsigned>(from - day * minutes_per_day));
    if (minute >= 0) return within(day * minutes_per_day + minute);
  }
  if (fields.hours == 0 || fields.minutes == 0) return std::nullopt;
  const unsigned time = lowest(fields.hours) * 60 + lowest(fields.minutes);
  days &= ~std::uint32_t{1} << index;
  while (days == 0) {
    step_forward(at);
    if (at.first_day * minutes_per_day > to) return std::nullopt;
    days = matching_days(fields, at);
  }
  return within((at.first_day + lowest(days) - 1) * minutes_per_day + time);
}

std::optional<WallMinute> last_match(const Fields& fields, WallMinute from, WallMinute to) {
  if (from > to) return std::nullopt;
  const std::int64_t day = floor_div(to, minutes_per_day);
  Month at = month_of(day);
  std::uint32_t days = matching_days(fields, at);
  const auto index = static_cast<unsigned>(day - at.first_day + 1);
  const auto within = [from](WallMinute minute) {
    return minute >= from ? std::optional{minute} : std::nullopt;
  };

  if ((days >> index & 1) != 0) {
    const int minute = last_in_day(fields, static_cast<unsigned>(to - day * minutes_per_day));
    if (minute >= 0) return within(day * minutes_per_day + minute);
  }
  if (fields.hours == 0 || fields.minutes == 0) return std::nullopt;
  const unsigned time = highest(fields.hours) * 60 + highest(fields.minutes);
  days &= (std::uint32_t{1} << index) - 1;
  while (days == 0) {
    step_back(at);
    if ((at.first_day + at.length) * minutes_per_day <= from) return std::nullopt;
    days = matching_days(fields, at);
  }
  return within((at.first_day + highest(days) - 1) * minutes_per_day + time);
}

}  // namespace cupola::cron
