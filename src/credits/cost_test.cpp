#include "credits/cost.h"

#include <vector>

#include <gtest/gtest.h>

namespace cupola::credits {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t megabyte = 1'000'000;

std::int64_t run_time_of(std::chrono::milliseconds run_time, bool is_frequent) {
  return cost_of({.run_time = run_time}, is_frequent).run_time.hundredths;
}

std::int64_t egress_of(std::chrono::milliseconds run_time, std::int64_t bytes, bool is_frequent) {
  return cost_of({.run_time = run_time, .egress_bytes = bytes}, is_frequent).egress->hundredths;
}

TEST(Cost, OfAShortRunIsItsBase) {
  EXPECT_EQ(cost_of({.run_time = 0ms}, false).total(), Amount{100});
  EXPECT_EQ(cost_of({.run_time = 10min}, false).total(), Amount{100});
  EXPECT_EQ(cost_of({.run_time = 5min}, true).total(), Amount{50});
}

TEST(Cost, OfEachStartedMinuteBeyondTheIncludedOnes) {
  EXPECT_EQ(run_time_of(10min, false), 0);
  EXPECT_EQ(run_time_of(10min + 1ms, false), 10);
  EXPECT_EQ(run_time_of(11min, false), 10);
  EXPECT_EQ(run_time_of(11min + 1ms, false), 20);
  EXPECT_EQ(run_time_of(24h, false), 14300);
  EXPECT_EQ(run_time_of(5min, true), 0);
  EXPECT_EQ(run_time_of(5min + 1ms, true), 10);
  EXPECT_EQ(run_time_of(6min, true), 10);
}

TEST(Cost, OfEachStartedTenMegabytesBeyondFifteenForEachCredit) {
  EXPECT_EQ(egress_of(1s, 0, false), 0);
  EXPECT_EQ(egress_of(1s, 15 * megabyte, false), 0);
  EXPECT_EQ(egress_of(1s, 15 * megabyte + 1, false), 1);
  EXPECT_EQ(egress_of(1s, 25 * megabyte, false), 1);
  EXPECT_EQ(egress_of(1s, 25 * megabyte + 1, false), 2);
  EXPECT_EQ(egress_of(1s, 1'015 * megabyte, false), 100);
  // Half a credit includes half of it.
  EXPECT_EQ(egress_of(1s, 7'500'000, true), 0);
  EXPECT_EQ(egress_of(1s, 7'500'001, true), 1);
  // And so does run time: 1 + 0.3 credits include 19.5 MB.
  EXPECT_EQ(egress_of(13min, 19'500'000, false), 0);
  EXPECT_EQ(egress_of(13min, 19'500'001, false), 1);
}

TEST(Cost, KeepsItsPartsApartAndEgressUnknownWhereItWasNotCounted) {
  const Cost counted = cost_of({.run_time = 12min, .egress_bytes = 30 * megabyte}, false);
  const Cost uncounted = cost_of({.run_time = 12min}, false);

  EXPECT_EQ(counted.base, Amount{100});
  EXPECT_EQ(counted.run_time, Amount{20});
  EXPECT_EQ(counted.egress, Amount{2});
  EXPECT_EQ(counted.total(), Amount{122});
  EXPECT_FALSE(uncounted.egress);
  EXPECT_EQ(uncounted.total(), Amount{120});
}

TEST(Cost, IsOfAFrequentScheduleFromOneFireAnHour) {
  EXPECT_TRUE(is_frequent(24));
  EXPECT_TRUE(is_frequent(1440));
  EXPECT_FALSE(is_frequent(8759.0 / 365));
  EXPECT_FALSE(is_frequent(0));
}

struct Tries {
  std::vector<Attempt> attempts;
  std::optional<std::chrono::milliseconds> counted;
};

TEST(Use, IsOfAllAttemptsButThoseThatCameToNothingAndWhatRepeatsThem) {
  const Attempt ran{.run_time = 3min};
  const Attempt lost{.lost = true, .run_time = 3min};
  const Attempt unstarted{};
  const Tries cases[] = {
      {{ran}, 3min},
      {{ran, ran, ran}, 9min},
      {{}, std::nullopt},
      {{lost}, std::nullopt},
      {{unstarted}, std::nullopt},
      {{lost, ran}, std::nullopt},
      {{unstarted, ran}, std::nullopt},
      {{lost, lost, ran}, std::nullopt},
      {{lost, ran, ran}, 3min},
      {{ran, lost, ran}, 3min},
      {{ran, lost}, 3min},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const auto use = use_of(cases[i].attempts);

    EXPECT_EQ(use ? std::optional(use->run_time) : std::nullopt, cases[i].counted) << i;
  }
}

TEST(Use, HasTheEgressOfThoseOfWhichItWasCounted) {
  const std::vector<Attempt> some = {{.run_time = 1min, .egress_bytes = 100},
                                     {.run_time = 1min},
                                     {.run_time = 1min, .egress_bytes = 0}};
  const std::vector<Attempt> none = {{.run_time = 1min}};

  EXPECT_EQ(use_of(some)->egress_bytes, 100);
  EXPECT_FALSE(use_of(none)->egress_bytes);
}

}  // namespace
}  // namespace cupola::credits
