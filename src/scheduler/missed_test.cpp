#include "scheduler/missed.h"

#include <gtest/gtest.h>

namespace cupola::scheduler {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

cron::Timing timing(const char* text, std::chrono::minutes offset = 0min) {
  return {.expression = *cron::Expression::parse(text), .offset = offset};
}

cron::Fire at(Instant instant) {
  return {.nominal = instant, .due = instant};
}

TEST(JudgeTest, AFireOnTimeStartsOneRunThatStandsForItself) {
  const Verdict verdict = judge(timing("0 * * * *"), at(noon), store::Missed::latest, noon + 20ms);

  ASSERT_EQ(verdict.starts.size(), 1u);
  EXPECT_EQ(verdict.starts[0].fire, at(noon));
  EXPECT_EQ(verdict.starts[0].stands_for, 1);
  EXPECT_FALSE(verdict.starts[0].late);
  EXPECT_TRUE(verdict.missed.empty());
}

TEST(JudgeTest, AfterDowntimeLatestStartsOneRunForAllAndRecordsTheOthers) {
  const Verdict verdict =
      judge(timing("0 * * * *"), at(noon), store::Missed::latest, noon + 3h + 5min);

  ASSERT_EQ(verdict.starts.size(), 1u);
  EXPECT_EQ(verdict.starts[0].fire, at(noon + 3h));
  EXPECT_EQ(verdict.starts[0].stands_for, 4);
  EXPECT_TRUE(verdict.starts[0].late);
  ASSERT_EQ(verdict.missed.size(), 3u);
  EXPECT_EQ(verdict.missed[0].fire, at(noon));
}

TEST(JudgeTest, LatestDoesNotMakeUpForWhatIsOlderThanADay) {
  const Verdict verdict =
      judge(timing("0 12 23 11 *"), at(noon), store::Missed::latest, noon + 24h + 1s);

  EXPECT_TRUE(verdict.starts.empty());
  EXPECT_EQ(verdict.missed.size(), 1u);
}

TEST(JudgeTest, SkipStartsOnlyWhatIsOnTime) {
  const Verdict verdict =
      judge(timing("* * * * *"), at(noon), store::Missed::skip, noon + 5min + 10s);

  ASSERT_EQ(verdict.starts.size(), 1u);
  EXPECT_EQ(verdict.starts[0].fire, at(noon + 5min));
  EXPECT_EQ(verdict.missed.size(), 5u);
}

TEST(JudgeTest, AllStartsTheNewestHundredOfTheLastDay) {
  const Verdict verdict =
      judge(timing("*/5 * * * *"), at(noon), store::Missed::all, noon + 12h + 2min);

  EXPECT_EQ(verdict.starts.size(), catch_up_most);
  EXPECT_EQ(verdict.starts.back().fire, at(noon + 12h));
  ASSERT_EQ(verdict.missed.size(), 1u);
  EXPECT_EQ(verdict.missed[0].count, 45);
}

TEST(JudgeTest, AMonthOfMinutesIsCountedWithoutARowForEach) {
  const auto minutes = 30 * 24 * 60;

  const Verdict verdict =
      judge(timing("* * * * *"), at(noon), store::Missed::latest, noon + 30 * 24h);

  ASSERT_EQ(verdict.starts.size(), 1u);
  EXPECT_EQ(verdict.starts[0].stands_for, minutes + 1);
  EXPECT_EQ(verdict.missed.size(), missed_rows);
  EXPECT_EQ(verdict.missed[0].count, minutes + 1 - static_cast<std::int64_t>(missed_rows));
}

TEST(JudgeTest, TenYearsOfMinutesAreCountedToTheLast) {
  const auto minutes = std::int64_t{10} * 8766 * 60;

  const Verdict verdict = judge(timing("* * * * *", 7min), {noon, noon + 7min}, store::Missed::skip,
                                noon + 7min + minutes * 1min);

  std::int64_t all = static_cast<std::int64_t>(verdict.starts.size());
  for (const MissedFire& missed : verdict.missed) all += missed.count;
  EXPECT_EQ(all, minutes + 1);
  EXPECT_EQ(verdict.missed.size() + verdict.starts.size(), missed_rows + 1);
}

}  // namespace
}  // namespace cupola::scheduler
