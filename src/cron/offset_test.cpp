#include "cron/offset.h"

#include <gmock/gmock.h>

namespace cupola::cron {
namespace {

using namespace std::chrono_literals;

std::chrono::minutes gap_of(const char* text) {
  return shortest_gap(*Expression::parse(text));
}

TEST(OffsetTest, TheShortestGapIsThatOfTheNearestFires) {
  EXPECT_EQ(gap_of("* * * * *"), 1min);
  EXPECT_EQ(gap_of("*/15 * * * *"), 15min);
  EXPECT_EQ(gap_of("0,59 * * * *"), 1min);
  EXPECT_EQ(gap_of("0 3,5 * * *"), 2h);
  EXPECT_EQ(gap_of("@daily"), 24h);
  EXPECT_EQ(gap_of("@monthly"), 24h);
  EXPECT_EQ(gap_of("0 0 29 2 *"), 24h);
  EXPECT_EQ(gap_of("@manual"), 24h);
}

TEST(OffsetTest, AnOffsetIsShorterThanTheInterval) {
  const auto quarterly = *Expression::parse("*/15 * * * *");
  EXPECT_TRUE(check_offset(quarterly, 14min));
  EXPECT_TRUE(check_offset(quarterly, -14min));
  EXPECT_TRUE(check_offset(*Expression::parse("* * * * *"), 0min));

  const auto refused = check_offset(quarterly, -15min);

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("-15 min"));
  EXPECT_THAT(refused.error().hint, ::testing::HasSubstr("from -14 to 14"));
}

}  // namespace
}  // namespace cupola::cron
