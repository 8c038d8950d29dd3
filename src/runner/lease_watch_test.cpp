#include "runner/lease_watch.h"

#include <gtest/gtest.h>

namespace cupola::runner {
namespace {

store::HeldRun held(std::int64_t token, std::int64_t beat) {
  return {.lease = {.run = RunId("r"), .token = token}, .worker = "theirs", .beat = beat};
}

TEST(LeaseWatchTest, ARunIsGoneAfterSoManyLooksUnderOneBeat) {
  LeaseWatch watch(3);

  EXPECT_TRUE(watch.look({held(1, 5)}).empty());
  EXPECT_TRUE(watch.look({held(1, 5)}).empty());
  EXPECT_TRUE(watch.look({held(1, 5)}).empty());
  EXPECT_EQ(watch.look({held(1, 5)}).size(), 1u);
}

TEST(LeaseWatchTest, ABeatOrATakeOverStartsTheCountAnew) {
  LeaseWatch watch(2);
  watch.look({held(1, 5)});
  watch.look({held(1, 5)});

  EXPECT_TRUE(watch.look({held(1, 6)}).empty());
  EXPECT_TRUE(watch.look({held(1, 6)}).empty());
  EXPECT_TRUE(watch.look({held(2, 6)}).empty());
  EXPECT_TRUE(watch.look({held(2, 6)}).empty());
  EXPECT_EQ(watch.look({held(2, 6)}).size(), 1u);
}

TEST(LeaseWatchTest, ARunThatWasNotThereInBetweenIsCountedAnew) {
  LeaseWatch watch(1);
  watch.look({held(1, 5)});
  watch.look({});

  EXPECT_TRUE(watch.look({held(1, 5)}).empty());
}

TEST(LeaseWatchTest, ASupervisorEndsItsRunBeforeItsLeaseIsOver) {
  for (const std::chrono::milliseconds lease : {6000ms, 10000ms, 30000ms, 60000ms}) {
    // The last beat may be a look old, and so may the supervisor's first look without a sign.
    const auto told_lost = looks_for(lease) * tick - tick;
    EXPECT_LT(longest_silence_for(lease) + tick + longest_silence_for(lease) / 10, told_lost);
    EXPECT_LE(told_lost, lease);
  }
}

}  // namespace
}  // namespace cupola::runner
