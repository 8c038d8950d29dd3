#include "scheduler/backfill_intervals.h"

#include <gmock/gmock.h>

namespace cupola::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Instant at(std::string_view text) {
  return *parse_rfc3339(text);
}

store::Schedule schedule_of(std::string interval, std::string zone = "UTC") {
  store::Schedule schedule;
  schedule.name = "load";
  schedule.interval = std::move(interval);
  schedule.timezone = std::move(zone);
  schedule.offset = 7min;
  return schedule;
}

TEST(BackfillIntervalsTest, AreThoseThatLieWithinTheRangeWithoutTheOffset) {
  const auto found = intervals_of(schedule_of("@daily"), {.since = at("2026-11-01T06:00:00Z"),
                                                          .until = at("2026-11-04T00:00:00Z")});

  ASSERT_TRUE(found);
  EXPECT_THAT(*found, ElementsAre(Pair(at("2026-11-02"), at("2026-11-03")),
                                  Pair(at("2026-11-03"), at("2026-11-04"))));
}

TEST(BackfillIntervalsTest, BeginWhereTheyAreWantedFirst) {
  const IntervalsWanted wanted{
      .since = at("2026-11-01"), .until = at("2026-11-04T12:00:00Z"), .limit = 2};
  IntervalsWanted newest = wanted;
  newest.newest_first = true;

  EXPECT_THAT(*intervals_of(schedule_of("@daily"), wanted),
              ElementsAre(Pair(at("2026-11-01"), at("2026-11-02")),
                          Pair(at("2026-11-02"), at("2026-11-03"))));
  EXPECT_THAT(*intervals_of(schedule_of("@daily"), newest),
              ElementsAre(Pair(at("2026-11-03"), at("2026-11-04")),
                          Pair(at("2026-11-02"), at("2026-11-03"))));
}

TEST(BackfillIntervalsTest, FollowTheZone) {
  const auto found =
      intervals_of(schedule_of("@daily", "Europe/Berlin"),
                   {.since = at("2026-10-24T22:00:00Z"), .until = at("2026-10-25T23:00:00Z")});

  ASSERT_TRUE(found);
  EXPECT_THAT(*found, ElementsAre(Pair(at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z"))))
      << "a day of 25 hours";
}

TEST(BackfillIntervalsTest, NoneTooManyAndNoTimesAreTold) {
  const IntervalsWanted year{.since = at("2025-11-01"), .until = at("2026-11-01")};
  IntervalsWanted some = year;
  some.limit = 1000;

  EXPECT_THAT(intervals_of(schedule_of("@hourly"), year).error().message,
              HasSubstr("8760 intervals; a backfill has 1000 at most"));
  EXPECT_EQ(intervals_of(schedule_of("@hourly"), some)->size(), 1000u);
  EXPECT_THAT(
      intervals_of(schedule_of("@daily"), {.since = at("2026-11-01"), .until = at("2026-11-01")})
          .error()
          .message,
      HasSubstr("No interval"));
  EXPECT_THAT(intervals_of(schedule_of("@manual"), year).error().message,
              HasSubstr("names no times"));
}

}  // namespace
}  // namespace cupola::scheduler
