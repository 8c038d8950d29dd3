// Several servers with schedulers on one database.

#include <barrier>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "scheduler/enqueue.h"
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
    cupola::testing::add_live_release(session, tenant,
                                      {{.name = "load",
                                        .interval = "* * * * *",
                                        .timezone = "UTC",
                                        .overlap = store::Overlap::allow}},
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

}  // namespace
}  // namespace cupola::scheduler
