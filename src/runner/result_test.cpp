#include "runner/result.h"

#include <gtest/gtest.h>

namespace cupola::runner {
namespace {

TEST(ResultTest, ALogThatIsCutIsToldAndItsLastLineIsNoCause) {
  const supervisor::Outcome failed{.exit_code = 1, .log_failed = true};
  const supervisor::Outcome well{.exit_code = 0, .log_failed = true};

  const auto failure = result_of({}, failed, "/nowhere", {});
  const auto success = result_of({}, well, "/nowhere", {});

  EXPECT_EQ(failure.status, store::RunStatus::failed);
  EXPECT_EQ(failure.cause, "exit code 1. Its log is cut: the disk was full or broken.");
  EXPECT_EQ(success.status, store::RunStatus::succeeded);
  EXPECT_EQ(success.cause, "Its log is cut: the disk was full or broken.");
}

TEST(ResultTest, Case04ARunWhoseServerFellSilentIsLostAndSaysSo) {
  const supervisor::Outcome outcome{.exit_code = 143, .server_silent = true};

  const auto result = result_of({}, outcome, "/nowhere", {.lease = 30s});

  EXPECT_EQ(result.status, store::RunStatus::lost);
  EXPECT_EQ(result.cause,
            "Its server gave no sign for 20 s: the run was ended before another could take its "
            "place.");
}

}  // namespace
}  // namespace cupola::runner
