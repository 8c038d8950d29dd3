#include "cron/calendar.h"

#include <chrono>

#include <gtest/gtest.h>

#include "cron/expression.h"

namespace cupola::cron {
namespace {

WallMinute minute(int year, unsigned month, unsigned day, int of_day = 0) {
  using namespace std::chrono;
  const sys_days date{
      year_month_day{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}}};
  return WallMinute{date.time_since_epoch().count()} * 1440 + of_day;
}

Fields fields(std::string_view text) {
  return Expression::parse(text).value().fields();
}

TEST(Calendar, EachDayOfFourHundredYearsIsTheOneThatChronoSays) {
  using namespace std::chrono;
  const Fields each = fields("* * * * *");
  for (sys_days day{year{1800} / 1 / 1}; day < sys_days{year{2201} / 1 / 1}; day += days{1}) {
    const year_month_day date{day};
    Fields that = each;
    that.months = static_cast<std::uint16_t>(1u << static_cast<unsigned>(date.month()));
    that.days = 1u << static_cast<unsigned>(date.day());
    that.weekdays = static_cast<std::uint8_t>(1u << weekday{day}.c_encoding());
    ASSERT_TRUE(matches_day(that, day.time_since_epoch().count()))
        << day.time_since_epoch().count();
    that.days = 1u << (static_cast<unsigned>(date.day()) % 31 + 1);
    ASSERT_FALSE(matches_day(that, day.time_since_epoch().count()));
  }
}

TEST(Calendar, BoundsAreInclusive) {
  const Fields noon = fields("0 12 1 * *");
  const WallMinute match = minute(2026, 12, 1, 720);

  EXPECT_EQ(first_match(noon, match, match), match);
  EXPECT_EQ(last_match(noon, match, match), match);
  EXPECT_EQ(first_match(noon, match + 1, match + 1000), std::nullopt);
  EXPECT_EQ(last_match(noon, match - 1000, match - 1), std::nullopt);
  EXPECT_EQ(first_match(noon, match - 1000, match - 1), std::nullopt);
  EXPECT_EQ(last_match(noon, match + 1, match + 1000), std::nullopt);
  EXPECT_EQ(first_match(noon, match, match - 1), std::nullopt);
}

TEST(Calendar, StepsOverMonthsAndYearsBothWays) {
  const Fields leap = fields("59 23 29 2 *");

  EXPECT_EQ(first_match(leap, minute(2096, 3, 1), minute(2200, 1, 1)), minute(2104, 2, 29, 1439));
  EXPECT_EQ(last_match(leap, minute(1800, 1, 1), minute(1903, 12, 31)), minute(1896, 2, 29, 1439));
}

TEST(Calendar, EmptyFieldsMatchNothing) {
  EXPECT_EQ(first_match(Fields{}, 0, 100'000'000), std::nullopt);
  EXPECT_EQ(last_match(Fields{}, 0, 100'000'000), std::nullopt);
}

}  // namespace
}  // namespace cupola::cron
