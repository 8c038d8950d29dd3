#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"
#include "scheduler/missed.h"
#include "store/schedules.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::scheduler {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class CountRowTest : public cupola::testing::EachDatabase {};
INSTANTIATE_TEST_SUITE_P(On, CountRowTest, cupola::testing::databases());

TEST_P(CountRowTest, FiresThatAreOnlyCountedAreNotLostWhereOneOfThemWasRecordedBefore) {
  const auto tenant = db->write(
      [](db::Session& session) { return cupola::testing::add_tenant(session, "acme", noon); });
  const ScheduleKey key = db->write([&](db::Session& session) {
    cupola::testing::add_live_release(session, tenant, {{.name = "often", .interval = "* * * * *"}},
                                      noon);
    const auto schedule = store::list_all_schedules(session, tenant.deployment.key).at(0);
    store::set_enabled(session, schedule.key, true, noon);
    return schedule.key;
  });
  enqueue_due_runs(*db, noon);
  // As by a clock that was ahead: the newest of those that a row is to count.
  const Instant counted = noon + 24h - 1min * missed_rows;
  db->write([&](db::Session& session) {
    store::record_fire(session, {.schedule = key,
                                 .nominal = counted,
                                 .due = counted,
                                 .outcome = store::FireOutcome::missed,
                                 .noticed_at = noon});
  });

  enqueue_due_runs(*db, noon + 24h);

  std::int64_t recorded = 0;
  for (const auto& fire :
       db->read([&](db::Session& session) { return store::list_fires(session, key, 5000); })) {
    recorded += fire.count;
  }
  EXPECT_EQ(recorded, 1440);
}

}  // namespace
}  // namespace cupola::scheduler
