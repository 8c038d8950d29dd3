#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "store/runs.h"
#include "store/schedules.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class OverlapTest : public cupola::testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      tenant = cupola::testing::add_tenant(session, "acme", noon);
      cupola::testing::add_live_release(session, tenant, {{.name = "daily", .interval = "@daily"}},
                                        noon);
    });
  }
  Schedule schedule() {
    return db->read([&](db::Session& session) {
      return list_all_schedules(session, tenant.deployment.key).at(0);
    });
  }
  void queue(int count, const std::function<void(NewRun&)>& change) {
    db->write([&](db::Session& session) {
      for (int i = 0; i < count; ++i) {
        NewRun run = cupola::testing::new_run(tenant, noon);
        change(run);
        add_run(session, run, noon);
      }
    });
  }

  /// Four workers claim and end until all `count` are done; gives how many were open at once at
  /// most.
  int most_open_at_once(int count) {
    std::atomic<int> open = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker) {
      workers.emplace_back([&, name = "worker-" + std::to_string(worker)] {
        while (done < count) {
          const auto claimed =
              db->write([&](db::Session& session) { return claim_runs(session, name, 3, noon); });
          for (const store::Run& run : claimed) {
            const int now_open = ++open;
            int seen = most;
            while (now_open > seen && !most.compare_exchange_weak(seen, now_open)) {
            }
            std::this_thread::yield();
            --open;
            db->write([&](db::Session& session) {
              finish_run(session, {run.id, run.lease_token}, {.status = RunStatus::succeeded}, {},
                         noon);
            });
            ++done;
          }
        }
      });
    }
    for (auto& worker : workers) worker.join();
    return most;
  }

  cupola::testing::Tenant tenant;
};
INSTANTIATE_TEST_SUITE_P(On, OverlapTest, cupola::testing::databases());

TEST_P(OverlapTest, Case13HundredsOfQueuedRunsOfOneScheduleRunOneAtATime) {
  const ScheduleKey key = schedule().key;
  queue(300, [&](NewRun& run) { run.schedule = key; });

  EXPECT_EQ(most_open_at_once(300), 1);
}

TEST_P(OverlapTest, Case13HundredsOfQueuedRunsOnOneStateIdRunOneAtATime) {
  queue(300, [](NewRun& run) { run.state_ids = {"s"}; });

  EXPECT_EQ(most_open_at_once(300), 1);
}

TEST_P(OverlapTest, AScheduleThatADeployHasChangedIsNotAsItWasSeen) {
  const Schedule seen = schedule();
  const auto is_as_seen = [&] {
    return db->write([&](db::Session& session) { return is_unchanged(session, seen); });
  };
  EXPECT_TRUE(is_as_seen());

  db->write([&](db::Session& session) {
    replace_schedules(
        session, tenant.deployment.key, {{.name = "daily", .interval = "@hourly"}},
        [] { return std::chrono::minutes{0}; }, noon + 1h);
  });

  EXPECT_FALSE(is_as_seen());
}

}  // namespace
}  // namespace cupola::store
