#include "meltano/interval.h"

#include <gtest/gtest.h>

namespace cupola::meltano {
namespace {

TEST(IntervalTest, AliasesStandForExpressions) {
  EXPECT_EQ(cron_of_interval("@daily"), "0 0 * * *");
  EXPECT_EQ(cron_of_interval("@once"), std::nullopt);
  EXPECT_EQ(cron_of_interval(""), std::nullopt);
  EXPECT_EQ(cron_of_interval("0 0 * * * *"), "0 0 * * * *");
}

// As `meltano schedule add` of 4.4.1 takes and refuses them.
TEST(IntervalTest, AcceptedAreThoseThatMeltanoAdds) {
  for (const char* good :
       {"@manual", "5-1 * * * *", "@Hourly", "*/5 * * * *", "0 17 L * *", "0 0 ? * ?",
        "1-5/2 * * jan-MAR fri-mon", "0 0 * * 7", "99,5 * * * *", " 0  0 1 1 * ", "0 0 * * 5-7"}) {
    EXPECT_TRUE(is_accepted_interval(good)) << good;
  }
  for (const char* bad : {"", "@ONCE", "@reboot", "0 0 * * * *", "60 * * * *", "* * 0 * *",
                          "*/0 * * * *", "/2 * * * *", "? * * * *", "0 0 * foo *", "0 0 * * 8",
                          "99999999999999999999 * * * *", "a"}) {
    EXPECT_FALSE(is_accepted_interval(bad)) << bad;
  }
}

}  // namespace
}  // namespace cupola::meltano
