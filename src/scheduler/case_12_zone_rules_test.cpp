#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"
#include "scheduler/zone_rules.h"

namespace cupola::scheduler {
namespace {

class Case12ZoneRules : public EnqueueFixture {
 protected:
  /// A schedule at noon in Casablanca, whose next fire was planned under rules of an hour's
  /// difference.
  store::Schedule planned_by_other_rules(Instant due) {
    db->write([&](db::Session& session) {
      cupola::testing::add_live_release(
          session, tenant_,
          {{.name = "load", .interval = "0 12 * * *", .given = {.timezone = "Africa/Casablanca"}}},
          noon - 30min);
      const auto schedule =
          *store::find_schedule(session, tenant_.organization.key, tenant_.deployment.key, "load");
      store::set_enabled(session, schedule.key, true, noon - 20min);
      store::set_next_fire(session, schedule.key, std::nullopt, due, due, noon - 20min);
    });
    return find();
  }
  store::Schedule find() {
    return *db->read([&](db::Session& session) {
      return store::find_schedule(session, tenant_.organization.key, tenant_.deployment.key,
                                  "load");
    });
  }
};
INSTANTIATE_TEST_SUITE_P(On, Case12ZoneRules, cupola::testing::databases());

TEST_P(Case12ZoneRules, AFireThatIsToComeFollowsTheRulesOfToday) {
  planned_by_other_rules(noon + 24h);  // noon there is 11:00 UTC in winter 2026

  EXPECT_EQ(follow_zone_rules(*db, noon), 1);
  EXPECT_EQ(find().due_at, noon + 23h);
  EXPECT_EQ(find().due_nominal, noon + 23h);
  EXPECT_EQ(follow_zone_rules(*db, noon), 0);
}

TEST_P(Case12ZoneRules, AFireThatIsDueAlreadyStaysWhatItWas) {
  planned_by_other_rules(noon - 5min);

  EXPECT_EQ(follow_zone_rules(*db, noon), 0);
  EXPECT_EQ(enqueue_all(noon).runs, 1);
  EXPECT_EQ(find().due_at, noon + 23h);
}

}  // namespace
}  // namespace cupola::scheduler
