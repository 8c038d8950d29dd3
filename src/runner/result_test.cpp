#include "runner/result.h"

#include <gtest/gtest.h>

namespace cupola::runner {
namespace {

TEST(ResultTest, ALogThatIsCutIsToldAndItsLastLineIsNoCause) {
  const supervisor::Outcome failed{.exit_code = 1, .log_failed = true};
  const supervisor::Outcome well{.exit_code = 0, .log_failed = true};

  const auto failure = result_of({}, failed, "/nowhere", 0);
  const auto success = result_of({}, well, "/nowhere", 0);

  EXPECT_EQ(failure.status, store::RunStatus::failed);
  EXPECT_EQ(failure.cause, "exit code 1. Its log is cut: the disk was full or broken.");
  EXPECT_EQ(success.status, store::RunStatus::succeeded);
  EXPECT_EQ(success.cause, "Its log is cut: the disk was full or broken.");
}

}  // namespace
}  // namespace cupola::runner
