// Several servers with schedulers on one database.

#include <barrier>
#include <set>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::scheduler {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class ServersTest : public cupola::testing::EachDatabase {};
INSTANTIATE_TEST_SUITE_P(On, ServersTest, cupola::testing::databases());

TEST_P(ServersTest, case_05_EachFireOfManyHappensOnceHoweverManySchedulersThereAre) {
  if (is_in_memory()) GTEST_SKIP() << "is one program's alone";
  constexpr int servers = 3;
  constexpr int minutes = 60;
  const auto schedule = db->write([](db::Session& session) {
    const auto tenant = cupola::testing::add_tenant(session, "acme", noon - 1h);
    cupola::testing::add_live_release(
        session, tenant,
        {{.name = "load", .interval = "* * * * *", .given = {.overlap = store::Overlap::allow}}},
        noon - 30min);
    const auto found =
        *store::find_schedule(session, tenant.organization.key, tenant.deployment.key, "load");
    store::set_enabled(session, found.key, true, noon);
    return found;
  });
  std::vector<std::unique_ptr<db::Database>> databases;
  for (int i = 0; i < servers; ++i) databases.push_back(db::Database::open({.url = place->url()}));

  std::atomic<int> runs = 0;
  std::barrier each_minute(servers);
  std::vector<std::thread> threads;
  for (int i = 0; i < servers; ++i) {
    threads.emplace_back([&, i] {
      for (int minute = 0; minute <= minutes; ++minute) {
        each_minute.arrive_and_wait();
        // What the servers' clocks may differ by, and one that comes late now and then.
        const auto late = std::chrono::milliseconds{i * 40} + (minute % 7 == i ? 20s : 0s);
        runs +=
            enqueue_due_runs(*databases[static_cast<std::size_t>(i)], noon + minute * 1min + late)
                .runs;
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(runs, minutes);
  std::multiset<Instant> nominal;
  for (const store::Run& run : db->read([&](db::Session& session) {
         return store::list_unfinished_runs(session, schedule.key);
       })) {
    nominal.insert(run.scheduled_at.value());
  }
  EXPECT_EQ(nominal.size(), static_cast<std::size_t>(minutes));
  for (int minute = 1; minute <= minutes; ++minute) {
    EXPECT_EQ(nominal.count(noon + minute * 1min), 1u) << minute;
  }
}

/// Stands at `first` for the first who asks, and a minute later for all others.
class HeldUpClock : public Clock {
 public:
  explicit HeldUpClock(Instant first) : first_(first) {}
  Instant now() const override { return std::exchange(asked_, true) ? first_ + 1min : first_; }

 private:
  Instant first_;
  mutable bool asked_ = false;
};

class HeldUpTest : public EnqueueFixture {};
INSTANTIATE_TEST_SUITE_P(On, HeldUpTest, cupola::testing::databases());

TEST_P(HeldUpTest, case_04_AStepThatWasHeldUpJudgesNothingByItsOldTime) {
  const auto schedule = deploy("* * * * *");
  enqueue_due_runs(*db, noon + 10min);  // another server meanwhile

  const Enqueued late = enqueue_due_runs(*db, HeldUpClock(noon + 5min));
  const Enqueued on_time = enqueue_due_runs(*db, noon + 11min);

  EXPECT_EQ(late.runs + late.missed + late.skipped, 0);
  EXPECT_EQ(on_time.runs, 1);
  for (const store::Fire& fire : fires(schedule)) EXPECT_LE(fire.noticed_at, noon + 11min);
  std::set<Instant> nominal;
  for (const store::Fire& fire : fires(schedule)) nominal.insert(fire.nominal);
  EXPECT_EQ(nominal.size(), 31u);  // from the switch-on at 11:40 on
}

}  // namespace
}  // namespace cupola::scheduler
