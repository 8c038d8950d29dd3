#include "cron/fires.h"

#include <vector>

#include <gtest/gtest.h>

namespace cupola::cron {
namespace {

Timing timing(std::string_view expression, std::string_view zone = "UTC",
              std::chrono::minutes offset = 0min) {
  return {.expression = Expression::parse(expression).value(),
          .zone = Zone::find(zone).value(),
          .offset = offset};
}

Instant at(std::string_view text) {
  return parse_rfc3339(text).value();
}

/// The due instants of the next `count` fires.
std::vector<std::string> dues(const Timing& timing, std::string_view after, int count) {
  std::vector<std::string> found;
  Instant from = at(after);
  for (int i = 0; i < count; ++i) {
    const auto fire = next_fire(timing, from);
    if (!fire) break;
    found.push_back(to_rfc3339(fire->due));
    from = fire->due;
  }
  return found;
}

using List = std::vector<std::string>;

struct Case {
  const char* expression;
  const char* after;
  const char* next;
};

TEST(NextFire, FollowsTheFieldsInUtc) {
  const Case cases[] = {
      {"* * * * *", "2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z"},
      {"* * * * *", "2026-11-23T10:00:59.999Z", "2026-11-23T10:01:00Z"},
      {"* * * * *", "2026-11-23T09:59:59.999Z", "2026-11-23T10:00:00Z"},
      {"*/15 * * * *", "2026-12-31T23:45:00Z", "2027-01-01T00:00:00Z"},
      {"5 3 * * *", "2026-11-23T03:05:00Z", "2026-11-24T03:05:00Z"},
      {"0 0 * * 0", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"},
      {"0 0 * * 7", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"},
      {"0 0 1 * *", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"},
      {"0 17 L * *", "2028-02-01T00:00:00Z", "2028-02-29T17:00:00Z"},
      {"0 17 LW * *", "2026-10-01T00:00:00Z", "2026-10-30T17:00:00Z"},
      {"0 0 * * 5L", "2026-11-01T00:00:00Z", "2026-11-27T00:00:00Z"},
      {"0 0 * * 5#2", "2026-11-01T00:00:00Z", "2026-11-13T00:00:00Z"},
      {"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2026-11-23T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 13 * FRI", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z"},
      {"0 0 13 * FRI", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
      {"0 0 */2 * MON", "2026-11-10T00:00:00Z", "2026-11-23T00:00:00Z"},
      {"59 23 31 12 *", "1969-06-01T00:00:00Z", "1969-12-31T23:59:00Z"},
  };
  for (const auto& [expression, after, next] : cases) {
    const auto fire = next_fire(timing(expression), at(after));

    ASSERT_TRUE(fire) << expression;
    EXPECT_EQ(to_rfc3339(fire->due), next) << expression << " after " << after;
    EXPECT_EQ(fire->nominal, fire->due);
  }
}

TEST(NextFire, IsEmptyWithoutClockAndBeyondEightYears) {
  EXPECT_FALSE(next_fire(timing("@once"), at("2026-01-01")));
  EXPECT_FALSE(previous_fire(timing("@manual"), at("2026-01-01")));
  // A February with five Mondays: 2044 is the next after 2016.
  EXPECT_FALSE(next_fire(timing("0 0 * 2 1#5"), at("2026-01-01")));
  EXPECT_TRUE(next_fire(timing("0 0 * 2 1#5"), at("2040-01-01")));
  EXPECT_FALSE(previous_fire(timing("0 0 * 2 1#5"), at("2040-01-01")));
}

TEST(NextFire, IsEmptyWhereTimeHasNoYearOfFourDigits) {
  for (const auto milliseconds : {INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1}) {
    EXPECT_FALSE(next_fire(timing("* * * * *"), from_milliseconds(milliseconds)));
    EXPECT_FALSE(previous_fire(timing("* * * * *"), from_milliseconds(milliseconds)));
    EXPECT_EQ(
        fires_per_day(timing("* * * * *").expression, Zone::utc(), from_milliseconds(milliseconds)),
        0);
  }
}

TEST(Offset, ShiftsEveryFireAsItIs) {
  EXPECT_EQ(dues(timing("*/15 * * * *", "UTC", 3min), "2026-11-23T10:00:00Z", 5),
            (List{"2026-11-23T10:03:00Z", "2026-11-23T10:18:00Z", "2026-11-23T10:33:00Z",
                  "2026-11-23T10:48:00Z", "2026-11-23T11:03:00Z"}));
}

TEST(Offset, IsCountedFromTheDueInstant) {
  const auto fire = next_fire(timing("0 10 * * *", "UTC", 7min), at("2026-11-23T10:02:00Z"));

  ASSERT_TRUE(fire);
  EXPECT_EQ(to_rfc3339(fire->nominal), "2026-11-23T10:00:00Z");
  EXPECT_EQ(to_rfc3339(fire->due), "2026-11-23T10:07:00Z");
}

TEST(Offset, CrossesMidnightAndMonthsBothWays) {
  EXPECT_EQ(dues(timing("0 0 1 * *", "UTC", -7min), "2026-11-23T00:00:00Z", 2),
            (List{"2026-11-30T23:53:00Z", "2026-12-31T23:53:00Z"}));
  EXPECT_EQ(dues(timing("57 23 L * *", "UTC", 7min), "2026-11-30T23:58:00Z", 2),
            (List{"2026-12-01T00:04:00Z", "2027-01-01T00:04:00Z"}));
}

TEST(Offset, IsElapsedTimeOverAChangeOfTheClock) {
  // New York, 8 March 2026: 02:00 becomes 03:00 at 07:00 UTC; 1 November: 02:00 becomes 01:00 at
  // 06:00 UTC.
  EXPECT_EQ(dues(timing("58 1 * * *", "America/New_York", 7min), "2026-03-08T00:00:00Z", 1),
            (List{"2026-03-08T07:05:00Z"}));
  EXPECT_EQ(dues(timing("30 2 * * *", "America/New_York", -7min), "2026-03-08T00:00:00Z", 2),
            (List{"2026-03-08T06:53:00Z", "2026-03-09T06:23:00Z"}));
  EXPECT_EQ(dues(timing("59 1 * * *", "America/New_York", 7min), "2026-11-01T00:00:00Z", 2),
            (List{"2026-11-01T06:06:00Z", "2026-11-02T07:06:00Z"}));
}

TEST(ChangeOfTheClock, AFixedTimeInTheGapFiresOnceRightAfterIt) {
  const Timing half_past_two = timing("30 2 * * *", "America/New_York");
  EXPECT_EQ(dues(half_past_two, "2026-03-07T12:00:00Z", 2),
            (List{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}));
  EXPECT_EQ(dues(half_past_two, "2026-03-08T06:59:59.5Z", 1), (List{"2026-03-08T07:00:00Z"}));
  EXPECT_EQ(dues(timing("0,30 2,3 * * *", "America/New_York"), "2026-03-08T06:30:00Z", 2),
            (List{"2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z"}));
  const auto previous = previous_fire(half_past_two, at("2026-03-08T07:00:01Z"));
  ASSERT_TRUE(previous);
  EXPECT_EQ(to_rfc3339(previous->due), "2026-03-08T07:00:00Z");
}

TEST(ChangeOfTheClock, AFixedTimeThatIsShownTwiceFiresOnceTheFirstTime) {
  const Timing half_past_one = timing("30 1 * * *", "America/New_York");
  EXPECT_EQ(dues(half_past_one, "2026-11-01T00:00:00Z", 2),
            (List{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}));
  // In the second showing of 01:10, half past one has been.
  EXPECT_EQ(dues(half_past_one, "2026-11-01T06:10:00Z", 1), (List{"2026-11-02T06:30:00Z"}));
  const auto previous = previous_fire(half_past_one, at("2026-11-01T06:10:00Z"));
  ASSERT_TRUE(previous);
  EXPECT_EQ(to_rfc3339(previous->due), "2026-11-01T05:30:00Z");
}

TEST(ChangeOfTheClock, WildcardsFollowRealTime) {
  EXPECT_EQ(dues(timing("*/30 * * * *", "America/New_York"), "2026-03-08T06:00:00Z", 3),
            (List{"2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z"}));
  EXPECT_EQ(dues(timing("*/30 1 * * *", "America/New_York"), "2026-11-01T04:59:00Z", 5),
            (List{"2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z",
                  "2026-11-01T06:30:00Z", "2026-11-02T06:00:00Z"}));
  EXPECT_EQ(dues(timing("*/30 2 * * *", "America/New_York"), "2026-03-07T12:00:00Z", 1),
            (List{"2026-03-09T06:00:00Z"}));
}

TEST(ChangeOfTheClock, HalfHoursAndLostDaysAreKept) {
  // Lord Howe, 4 October 2026: 02:00 becomes 02:30 at 15:30 UTC of the day before.
  EXPECT_EQ(dues(timing("15 2 * * *", "Australia/Lord_Howe"), "2026-10-03T12:00:00Z", 2),
            (List{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}));
  // Apia had no 30 December 2011.
  EXPECT_EQ(dues(timing("0 5 * * *", "Pacific/Apia"), "2011-12-29T15:00:00Z", 3),
            (List{"2011-12-30T10:00:00Z", "2011-12-30T15:00:00Z", "2011-12-31T15:00:00Z"}));
  EXPECT_EQ(dues(timing("*/30 5 * * *", "Pacific/Apia"), "2011-12-29T15:30:00Z", 1),
            (List{"2011-12-30T15:00:00Z"}));
}

TEST(ChangeOfTheClock, IsKnownBeyondTheRecordsOfTheZone) {
  // 13 March 2095 and 12 March 2096 are not in the files, which end with 2037.
  EXPECT_EQ(dues(timing("30 2 * * *", "America/New_York"), "2095-03-13T00:00:00Z", 1),
            (List{"2095-03-13T07:00:00Z"}));
}

TEST(PreviousFire, IsTheInverseOfNext) {
  const char* expressions[] = {"*/7 * * * *", "30 1,2 * * *", "0 0 L * *",    "*/20 2 * * 0",
                               "15 23 * * 5", "0 0 29 2 *",   "0 12 1 1,7 *", "45 1 */3 * 6"};
  for (const auto* zone : {"UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"}) {
    for (const auto* expression : expressions) {
      const Timing one = timing(expression, zone, -4min);
      std::optional<Fire> fire = next_fire(one, at("2026-03-05T00:00:00Z"));
      for (int i = 0; i < 40 && fire; ++i) {
        const auto following = next_fire(one, fire->due);
        ASSERT_TRUE(following) << expression << ' ' << zone;
        ASSERT_EQ(previous_fire(one, following->due), fire) << expression << ' ' << zone;
        ASSERT_EQ(previous_fire(one, following->due + 1ms), following) << expression << ' ' << zone;
        ASSERT_EQ(next_fire(one, following->due - 1ms), following) << expression << ' ' << zone;
        fire = following;
      }
    }
  }
}

TEST(CountFires, EqualsStepping) {
  for (const auto* zone : {"UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"}) {
    for (const auto* expression : {"*/20 * * * *", "15 2 * * *", "0 0 L * *", "30 1,2 * * 0"}) {
      for (const auto offset : {-7min, 0min, 7min}) {
        const Timing one = timing(expression, zone, offset);
        const Instant from = at("2011-11-05T05:05:05.5Z");
        const Instant until = at("2012-04-10T14:00:00Z");
        std::int64_t count = 0;
        for (auto fire = next_fire(one, from); fire && fire->due <= until;
             fire = next_fire(one, fire->due))
          ++count;
        EXPECT_EQ(count_fires(one, from, until), count) << expression << ' ' << zone;
      }
    }
  }
  EXPECT_EQ(
      count_fires(timing("@once", "UTC"), at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")),
      0);
}

TEST(FiresPerDay, IsTheMeanOverAYear) {
  const auto rate = [](std::string_view expression, std::string_view zone = "UTC") {
    const Timing one = timing(expression, zone);
    return fires_per_day(one.expression, one.zone, at("2026-11-23T10:07:30.5Z"));
  };
  EXPECT_DOUBLE_EQ(rate("* * * * *"), 1440);
  EXPECT_DOUBLE_EQ(rate("*/5 * * * *", "America/New_York"), 288);
  EXPECT_DOUBLE_EQ(rate("@daily"), 1);
  EXPECT_DOUBLE_EQ(rate("@weekly"), 52.0 / 365);
  EXPECT_DOUBLE_EQ(rate("@yearly"), 1.0 / 365);
  EXPECT_DOUBLE_EQ(rate("0 0 29 2 *"), 0);
  EXPECT_DOUBLE_EQ(rate("@once"), 0);
}

TEST(FiresPerDay, EqualsCountingThemOneByOne) {
  for (const auto* zone : {"UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"}) {
    for (const auto* expression :
         {"30 2 * * *", "*/30 1-3 * * *", "0 */6 * * 1-5", "10,40 1,2 L * 0"}) {
      const Timing one = timing(expression, zone);
      const Instant from = at("2026-05-05T05:05:05Z");
      int count = 0;
      for (auto fire = next_fire(one, from); fire && fire->due <= from + 24h * 365;
           fire = next_fire(one, fire->due))
        ++count;
      EXPECT_DOUBLE_EQ(fires_per_day(one.expression, one.zone, from), count / 365.0)
          << expression << ' ' << zone;
    }
  }
}

}  // namespace
}  // namespace cupola::cron
