#include "store/runs.h"

#include <atomic>
#include <barrier>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class RunsTest : public testing::EachDatabase {
 protected:
  using Run = store::Run;  // and not the private function of ::testing::Test

  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    tenant = db->write([](db::Session& session) {
      auto added = testing::add_tenant(session, "acme", noon);
      testing::add_live_release(
          session, added,
          {schedule("exclusive", Overlap::queue_one), schedule("overlapping", Overlap::allow)},
          noon);
      return added;
    });
  }

  static ReleasedSchedule schedule(const std::string& name, Overlap overlap) {
    return {.name = name, .interval = "@daily", .given = {.overlap = overlap}, .state_ids = {}};
  }

  RunId add(NewRun run) {
    db->write([&](db::Session& session) { add_run(session, run, noon); });
    return run.id;
  }
  RunId add_due(Instant due_at, std::vector<std::string> state_ids = {}) {
    auto run = testing::new_run(tenant, due_at);
    run.state_ids = std::move(state_ids);
    return add(run);
  }
  RunId add_of_schedule(const std::string& name, Instant due_at) {
    auto run = testing::new_run(tenant, due_at);
    run.schedule = key_of(name);
    run.schedule_name = name;
    run.trigger = Trigger::schedule;
    return add(run);
  }
  ScheduleKey key_of(const std::string& name) {
    return db->read([&](db::Session& session) { return key_of(session, name); });
  }
  ScheduleKey key_of(db::Session& session, const std::string& name) const {
    return find_schedule(session, tenant.organization.key, tenant.deployment.key, name)->key;
  }

  std::vector<Run> claim(int most, const std::string& worker = "worker-1", Instant now = noon) {
    return db->write([&](db::Session& session) { return claim_runs(session, worker, most, now); });
  }
  std::vector<RunId> claim_ids(int most) {
    std::vector<RunId> ids;
    for (const Run& run : claim(most)) ids.push_back(run.id);
    return ids;
  }
  bool finish(const Run& run, RunStatus status = RunStatus::succeeded,
              const std::vector<CapturedState>& states = {}) {
    return db->write([&](db::Session& session) {
      return finish_run(session, {run.id, run.lease_token}, {.status = status}, states,
                        noon + 1min) == Finish::ended;
    });
  }
  Run find(const RunId& id) {
    return *db->read([&](db::Session& session) { return find_run(session, id); });
  }

  testing::Tenant tenant;
};
INSTANTIATE_TEST_SUITE_P(On, RunsTest, testing::databases());

TEST_P(RunsTest, EverythingAboutARunIsKept) {
  auto added = testing::new_run(tenant, noon);
  added.schedule = key_of("exclusive");
  added.schedule_name = "exclusive";
  added.tasks = {"tap-a", "target-\"b\"", "ü"};
  added.trigger = Trigger::catch_up;
  added.scheduled_at = noon - 3min;
  added.stands_for = 4;
  added.options = {.full_refresh = true, .state_id_suffix = "x", .env = {{"A", "b=c"}}};
  added.state_ids = {"prod:tap-a-to-target-b", "other"};
  added.run_timeout = 90min;
  add(added);

  const Run run = find(added.id);

  EXPECT_EQ(run.organization, tenant.organization.key);
  EXPECT_EQ(run.project, tenant.project.key);
  EXPECT_EQ(run.deployment, tenant.deployment.key);
  EXPECT_EQ(run.schedule, added.schedule);
  EXPECT_EQ(run.schedule_name, "exclusive");
  EXPECT_EQ(run.tasks, added.tasks);
  EXPECT_EQ(run.trigger, Trigger::catch_up);
  EXPECT_EQ(run.status, RunStatus::queued);
  EXPECT_EQ(run.scheduled_at, noon - 3min);
  EXPECT_EQ(run.deadline, noon + queue_deadline);
  EXPECT_EQ(run.stands_for, 4);
  EXPECT_TRUE(run.options.full_refresh);
  EXPECT_EQ(run.options.state_id_suffix, "x");
  EXPECT_EQ(run.options.env, added.options.env);
  EXPECT_EQ(run.state_ids, added.state_ids);
  EXPECT_EQ(run.run_timeout, 90min);
  EXPECT_FALSE(run.started_at || run.ended_at || run.worker || run.release);
}

TEST_P(RunsTest, ClaimGivesTheOldestDueRunToOneWorkerOnly) {
  const RunId younger = add_due(noon);
  const RunId oldest = add_due(noon - 1h);
  add_due(noon + 1ms);

  const auto first = claim(1, "worker-1");
  const auto second = claim(1, "worker-2");
  const auto third = claim(1, "worker-3");

  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_THAT(third, IsEmpty());
  EXPECT_EQ(first[0].id, oldest);
  EXPECT_EQ(first[0].worker, "worker-1");
  EXPECT_EQ(first[0].status, RunStatus::starting);
  EXPECT_EQ(first[0].deadline, noon + start_deadline);
  EXPECT_TRUE(first[0].release);
  EXPECT_EQ(second[0].id, younger);
}

TEST_P(RunsTest, RunsOfADeploymentThatIsNotLiveWait) {
  const auto other = db->write(
      [](db::Session& session) { return testing::add_tenant(session, "not-live", noon); });
  add(testing::new_run(other, noon));

  EXPECT_THAT(claim(10), IsEmpty());
}

TEST_P(RunsTest, AHeldStateIdKeepsOneRunBackAndNoneBehindIt) {
  const RunId holder = add_due(noon - 5min, {"a", "b"});
  const RunId waits = add_due(noon - 4min, {"b", "c"});
  const RunId waits_too = add_due(noon - 3min, {"b"});
  const RunId free = add_due(noon - 2min, {"c"});
  const RunId without = add_due(noon - 1min);

  const auto first = claim(3);

  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[0].id, holder);
  EXPECT_EQ(first[1].id, free);
  EXPECT_EQ(first[2].id, without);
  EXPECT_THAT(claim(3), IsEmpty());
  finish(first[0]);
  EXPECT_THAT(claim_ids(3), ElementsAre(waits_too)) << "c is held still";
  finish(first[1]);
  EXPECT_THAT(claim_ids(3), IsEmpty()) << "b is held again";
  finish(find(waits_too));
  EXPECT_THAT(claim_ids(3), ElementsAre(waits));
}

TEST_P(RunsTest, StateIdsOfTwoProjectsAreDifferentThings) {
  const auto other = db->write([](db::Session& session) {
    auto added = testing::add_tenant(session, "other", noon);
    testing::add_live_release(session, added, {}, noon);
    return added;
  });
  add_due(noon, {"same"});
  auto run = testing::new_run(other, noon);
  run.state_ids = {"same"};
  add(run);

  EXPECT_EQ(claim(10).size(), 2u);
}

TEST_P(RunsTest, RunsOfAScheduleDoNotOverlapUnlessItAllows) {
  const RunId first = add_of_schedule("exclusive", noon - 3min);
  const RunId second = add_of_schedule("exclusive", noon - 2min);
  const RunId third = add_of_schedule("overlapping", noon - 1min);
  const RunId fourth = add_of_schedule("overlapping", noon);

  EXPECT_THAT(claim_ids(10), ElementsAre(first, third, fourth));
  EXPECT_THAT(claim_ids(10), IsEmpty());
  finish(find(first));
  EXPECT_THAT(claim_ids(10), ElementsAre(second));
}

TEST_P(RunsTest, ManyWorkersNeverClaimTheSameRunNorShareAStateId) {
  constexpr int runs = 60;
  constexpr int workers = 6;
  for (int i = 0; i < runs; ++i) add_due(noon - 1min, {"state-" + std::to_string(i % 20)});
  // On PostgreSQL each worker is a server of its own, with its own connections.
  std::vector<std::unique_ptr<db::Database>> servers;
  for (int i = 0; i < workers && !is_in_memory(); ++i) {
    servers.push_back(db::Database::open({.url = place->url()}));
  }
  std::barrier start(workers);
  std::mutex mutex;
  std::multiset<RunId> claimed;
  std::multiset<std::string> held;

  std::vector<std::thread> threads;
  for (int worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      auto& database = is_in_memory() ? *db : *servers[static_cast<std::size_t>(worker)];
      start.arrive_and_wait();
      for (int round = 0; round < 5; ++round) {
        for (const Run& run : database.write([&](db::Session& session) {
               return claim_runs(session, "w" + std::to_string(worker), 3, noon);
             })) {
          const std::scoped_lock lock(mutex);
          claimed.insert(run.id);
          held.insert(run.state_ids.front());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(claimed.size(), 20u);
  EXPECT_EQ((std::set<RunId>(claimed.begin(), claimed.end()).size()), claimed.size());
  EXPECT_EQ((std::set<std::string>(held.begin(), held.end()).size()), held.size());
}

TEST_P(RunsTest, OneRunOfAScheduleIsClaimedHoweverManyServersAsk) {
  constexpr int workers = 6;
  for (int i = 0; i < 12; ++i) add_of_schedule("exclusive", noon - 1min);
  std::vector<std::unique_ptr<db::Database>> servers;
  for (int i = 0; i < workers && !is_in_memory(); ++i) {
    servers.push_back(db::Database::open({.url = place->url()}));
  }
  std::barrier start(workers);
  std::atomic<int> claimed = 0;

  std::vector<std::thread> threads;
  for (int worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      auto& database = is_in_memory() ? *db : *servers[static_cast<std::size_t>(worker)];
      start.arrive_and_wait();
      claimed += static_cast<int>(
          database.write([&](db::Session& session) { return claim_runs(session, "w", 4, noon); })
              .size());
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(claimed, 1);
}

TEST_P(RunsTest, ARunGoesFromStartingToItsResult) {
  add_due(noon, {"s"});
  const Run claimed = claim(1).at(0);
  const Lease lease{claimed.id, claimed.lease_token};

  EXPECT_TRUE(db->write(
      [&](db::Session& session) { return mark_running(session, lease, "namespaces", noon + 1s); }));
  const Run running = find(claimed.id);
  EXPECT_EQ(running.status, RunStatus::running);
  EXPECT_EQ(running.sandbox, "namespaces");
  EXPECT_EQ(running.started_at, noon + 1s);
  EXPECT_EQ(running.deadline, noon + 1s + 24h);

  db->write([&](db::Session& session) {
    return finish_run(session, lease,
                      {.status = RunStatus::failed,
                       .exit_code = 1,
                       .out_of_memory = true,
                       .peak_memory = 5'000'000'000,
                       .cpu_time = 1234ms,
                       .egress_bytes = 6'000'000'000,
                       .cause = std::string("tap-a: \x1b[31mred\xff"),
                       .log_lines = 7,
                       .ended_at = noon + 1min},
                      {{.state_id = "s", .payload = R"({"completed":{}})"}}, noon + 2min);
  });
  const Run ended = find(claimed.id);
  EXPECT_EQ(ended.status, RunStatus::failed);
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_FALSE(ended.exit_signal);
  EXPECT_TRUE(ended.out_of_memory);
  EXPECT_EQ(ended.peak_memory, 5'000'000'000);
  EXPECT_EQ(ended.cpu_time, 1234ms);
  EXPECT_EQ(ended.egress_bytes, 6'000'000'000);
  EXPECT_EQ(ended.cause, "tap-a: \\x1b[31mred\xef\xbf\xbd") << "what a terminal may show";
  EXPECT_EQ(ended.log_lines, 7);
  EXPECT_EQ(ended.ended_at, noon + 1min);
  EXPECT_TRUE(ended.log_kept);
  const auto state = db->read([&](db::Session& session) {
    return find_state(session, tenant.organization.key, tenant.project.key, "s");
  });
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->final);
  EXPECT_EQ(state->run, claimed.id);
  EXPECT_FALSE(finish(claimed)) << "it ended before";
}

TEST_P(RunsTest, AStaleTokenChangesNothing) {
  add_due(noon, {"s"});
  const Run claimed = claim(1).at(0);
  const Lease stale{claimed.id, claimed.lease_token};
  const auto adopted =
      db->write([&](db::Session& session) { return adopt_run(session, claimed.id, "worker-1"); });
  ASSERT_TRUE(adopted);

  db->write([&](db::Session& session) {
    const std::vector<CapturedState> states = {{.state_id = "s", .payload = "{}"}};
    EXPECT_FALSE(mark_running(session, stale, "none", noon));
    EXPECT_FALSE(capture_states(session, stale.run, stale.token, states, noon));
    EXPECT_EQ(finish_run(session, stale, {.status = RunStatus::succeeded}, states, noon),
              Finish::stale);
    EXPECT_FALSE(requeue_run(session, stale, {}, "", noon));
  });

  EXPECT_EQ(find(claimed.id).status, RunStatus::starting);
  db->write([&](db::Session& session) {
    EXPECT_FALSE(find_state(session, tenant.organization.key, tenant.project.key, "s"));
    EXPECT_EQ(finish_run(session, *adopted, {.status = RunStatus::succeeded}, {}, noon),
              Finish::ended);
  });
}

TEST_P(RunsTest, OnlyItsOwnWorkerAdoptsAnOpenRun) {
  add_due(noon);
  const Run claimed = claim(1).at(0);
  const auto adopt = [&](const char* worker) {
    return db->write([&](db::Session& session) { return adopt_run(session, claimed.id, worker); });
  };

  EXPECT_FALSE(adopt("worker-2"));
  const auto adopted = adopt("worker-1");
  ASSERT_TRUE(adopted);
  EXPECT_GT(adopted->token, claimed.lease_token);
  finish(find(claimed.id));
  EXPECT_FALSE(adopt("worker-1"));
}

TEST_P(RunsTest, OpenRunsAreListedByWorker) {
  add_due(noon - 2min);
  add_due(noon - 1min);
  const auto mine = claim(1, "mine");
  claim(1, "theirs");

  db->read([&](db::Session& session) {
    EXPECT_EQ(list_open_runs(session, "mine").at(0).id, mine[0].id);
    EXPECT_EQ(list_open_runs(session, "").size(), 2u);
  });
}

TEST_P(RunsTest, AClaimedRunMayGoBackToTheQueueWithOtherStateIds) {
  const RunId id = add_due(noon, {"old"});
  const Run claimed = claim(1).at(0);

  EXPECT_TRUE(db->write([&](db::Session& session) {
    return requeue_run(session, {id, claimed.lease_token}, {"new"}, "other state ids", noon);
  }));

  EXPECT_EQ(find(id).cause, "other state ids");
  add_due(noon - 1min, {"old"});
  add_due(noon + 0min, {"new"});
  const auto again = claim(10);
  ASSERT_EQ(again.size(), 2u) << "old is free, and new is taken once";
  EXPECT_EQ(again[1].state_ids, std::vector<std::string>{"new"});
  EXPECT_FALSE(find(id).cause) << "cleared when claimed";
}

TEST_P(RunsTest, WaitingRunsAreToldWhy) {
  const RunId due = add_due(noon);
  const RunId later = add_due(noon + 1h);

  db->write([&](db::Session& session) { explain_waiting(session, "no room", noon); });

  EXPECT_EQ(find(due).cause, "no room");
  EXPECT_FALSE(find(later).cause);
}

TEST_P(RunsTest, AStopEndsAQueuedRunAndAsksAnOpenOne) {
  const auto stop = [&](const RunId& id) {
    return db->write([&](db::Session& session) {
      return request_stop(session, tenant.organization.key, id, "user", noon);
    });
  };
  const RunId open = add_due(noon - 1min);
  const Run claimed = claim(1).at(0);
  const RunId waiting = add_due(noon);

  const auto stopped = stop(waiting);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->status, RunStatus::cancelled);
  EXPECT_EQ(stopped->cancel_code, "user");
  EXPECT_EQ(stopped->ended_at, noon);
  EXPECT_EQ(stop(waiting).error().kind, Error::Kind::conflict);

  const auto asked = stop(open);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->status, RunStatus::stopping);
  EXPECT_EQ(asked->stop_requested_at, noon);
  EXPECT_TRUE(stop(open)) << "asking twice is no fault";
  db->write([&](db::Session& session) {
    EXPECT_TRUE(mark_running(session, {open, claimed.lease_token}, "none", noon));
  });
  EXPECT_EQ(find(open).status, RunStatus::stopping);
  finish(claimed, RunStatus::cancelled);
  EXPECT_EQ(find(open).cancel_code, "user");

  const auto foreign = db->write([&](db::Session& session) {
    return request_stop(session, OrganizationKey{"other"}, open, "user", noon);
  });
  EXPECT_EQ(foreign.error().kind, Error::Kind::not_found);
}

TEST_P(RunsTest, AQueuedRunMayEndSuperseded) {
  const RunId id = add_of_schedule("exclusive", noon);
  db->write([&](db::Session& session) {
    EXPECT_EQ(list_unfinished_runs(session, key_of(session, "exclusive")).size(), 1u);
    end_queued_run(session, id, RunStatus::skipped, "A newer fire took its place.", "superseded",
                   noon);
    EXPECT_THAT(list_unfinished_runs(session, key_of(session, "exclusive")), IsEmpty());
  });

  EXPECT_EQ(find(id).status, RunStatus::skipped);
  EXPECT_EQ(find(id).cancel_code, "superseded");
  EXPECT_THAT(claim(1), IsEmpty());
}

TEST_P(RunsTest, TheQueueSaysWhenItsNextRunIsDueAndWhatWaitedTooLong) {
  EXPECT_FALSE(db->read([](db::Session& session) { return next_queued(session); }));
  const RunId id = add_due(noon - 1h);
  add_due(noon + 1h);

  db->read([&](db::Session& session) {
    EXPECT_EQ(next_queued(session), noon - 1h);
    EXPECT_THAT(list_overdue_queued_runs(session, noon + queue_deadline, 10), IsEmpty());
    const auto overdue = list_overdue_queued_runs(session, noon + queue_deadline + 1ms, 10);
    ASSERT_EQ(overdue.size(), 1u);
    EXPECT_EQ(overdue[0].id, id);
  });
}

}  // namespace
}  // namespace cupola::store
