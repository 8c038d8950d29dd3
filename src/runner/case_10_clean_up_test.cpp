#include <gtest/gtest.h>

#include "runner/clean_up_time.h"
#include "testing/databases.h"

namespace cupola::runner {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class Case10CleanUp : public cupola::testing::EachDatabase {
 protected:
  /// Looks each hour, as the server does; how often something might be removed.
  int look(Instant from, int hours) {
    int allowed = 0;
    for (int hour = 0; hour < hours; ++hour) allowed += may_clean_up(*db, from + hour * 1h) ? 1 : 0;
    return allowed;
  }
};
INSTANTIATE_TEST_SUITE_P(On, Case10CleanUp, cupola::testing::databases());

TEST_P(Case10CleanUp, AServerThatIsUpCleansUpEachHour) {
  EXPECT_EQ(look(noon, 5), 5);
  EXPECT_EQ(look(noon + 2 * 24h, 5), 5);  // down over a weekend
}

TEST_P(Case10CleanUp, AClockTenYearsAheadRemovesNothingForADay) {
  look(noon, 3);

  EXPECT_EQ(look(noon + 10 * 8766h, 24), 0);
  if (!is_in_memory()) reopen();
  EXPECT_FALSE(may_clean_up(*db, noon + 10 * 8766h + 23h + 30min));
  EXPECT_TRUE(may_clean_up(*db, noon + 10 * 8766h + 24h));
}

TEST_P(Case10CleanUp, AClockThatIsSetRightAgainEndsTheDoubtAndAnotherJumpBeginsAnew) {
  look(noon, 3);
  look(noon + 10 * 8766h, 5);

  EXPECT_EQ(look(noon + 8h, 3), 3);
  EXPECT_EQ(look(noon + 20 * 8766h, 5), 0);
  EXPECT_EQ(look(noon + 30 * 8766h, 5), 0);
}

TEST_P(Case10CleanUp, AMonthOfDowntimeDelaysTheCleaningByADay) {
  look(noon, 1);

  EXPECT_EQ(look(noon + 30 * 24h, 30), 6);
}

}  // namespace
}  // namespace cupola::runner
