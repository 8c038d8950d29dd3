#include "store/backfills.h"

#include <gmock/gmock.h>

#include "store/credits.h"
#include "store/deletions.h"
#include "store/deployments.h"
#include "store/release_content.h"
#include "store/runs.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class BackfillsTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      tenant = testing::add_tenant(session, "acme", noon);
      testing::add_live_release(session, tenant, {daily()}, noon);
      schedule = *find_schedule(session, tenant.organization.key, tenant.deployment.key, "daily");
    });
  }

  static ReleasedSchedule daily() {
    return {.name = "daily",
            .interval = "@daily",
            .given = {.retries = 1},
            .state_ids = {"prod:tap-a-to-target-b"}};
  }
  Result<Backfill> add(int intervals, int parallel) {
    std::vector<std::pair<Instant, Instant>> all;
    for (int i = 0; i < intervals; ++i) all.emplace_back(noon + i * 24h, noon + (i + 1) * 24h);
    return db->write([&](db::Session& session) {
      return add_backfill(session,
                          {.organization = tenant.organization.key,
                           .project = tenant.project.key,
                           .deployment = tenant.deployment.key,
                           .schedule = schedule.key,
                           .schedule_name = "daily",
                           .since = noon,
                           .until = noon + intervals * 24h,
                           .parallel = parallel,
                           .start_variable = "FROM",
                           .end_variable = "TO",
                           .state_id_suffix = "again",
                           .created_by = "ada"},
                          all, now);
    });
  }
  std::vector<store::Run> claim(int most = 10) {
    return db->write(
        [&](db::Session& session) { return claim_backfill_runs(session, "w", most, now); });
  }
  void finish(const store::Run& run, RunStatus status) {
    db->write([&](db::Session& session) {
      finish_run(session, {run.id, run.lease_token}, {.status = status}, {}, now);
    });
  }
  Backfill find(std::int64_t number) {
    return *db->read([&](db::Session& session) {
      return find_backfill(session, tenant.organization.key, tenant.deployment.key, number);
    });
  }
  std::vector<std::string> statuses(std::int64_t number) {
    const BackfillKey key = find(number).key;
    return db->read([&](db::Session& session) {
      std::vector<std::string> all;
      for (const auto& interval : list_intervals(session, key)) all.push_back(interval.status);
      return all;
    });
  }

  testing::Tenant tenant;
  Schedule schedule;
  Instant now = noon + 30 * 24h;
};
INSTANTIATE_TEST_SUITE_P(On, BackfillsTest, testing::databases());

TEST_P(BackfillsTest, ARunIsTheSchedulesOwnWithItsIntervalAndStateIdsOfItsOwn) {
  ASSERT_TRUE(add(2, 1));

  const auto runs = claim();

  ASSERT_EQ(runs.size(), 1u);
  const store::Run& run = runs[0];
  EXPECT_EQ(run.trigger, Trigger::backfill);
  EXPECT_EQ(run.schedule_name, "daily");
  EXPECT_FALSE(run.schedule) << "so that nothing that the clock does waits for it";
  EXPECT_THAT(run.tasks, IsEmpty());
  EXPECT_EQ(run.scheduled_at, noon + 24h);
  EXPECT_EQ(run.most_attempts, 2);
  ASSERT_TRUE(run.options.backfill);
  EXPECT_EQ(run.options.backfill->number, 1);
  EXPECT_EQ(run.options.backfill->start, noon);
  EXPECT_EQ(run.options.backfill->end, noon + 24h);
  EXPECT_EQ(run.options.env.at("FROM"), to_rfc3339(noon));
  EXPECT_EQ(run.options.env.at("TO"), to_rfc3339(noon + 24h));
  EXPECT_THAT(run.options.state_id_suffix, StartsWith("again-"));
  EXPECT_THAT(run.state_ids, ElementsAre("prod:tap-a-to-target-b:" + run.options.state_id_suffix));
  db->read([&](db::Session& session) {
    EXPECT_THAT(list_unfinished_runs(session, schedule.key), IsEmpty());
  });
}

TEST_P(BackfillsTest, SoManyGoAtOnceAndEachEndBringsTheNextUntilAllAreDone) {
  ASSERT_TRUE(add(4, 2));
  EXPECT_THAT(statuses(1), ElementsAre("open", "open", "waiting", "waiting"));
  auto runs = claim();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_NE(runs[0].state_ids, runs[1].state_ids);

  finish(runs[1], RunStatus::succeeded);
  EXPECT_THAT(statuses(1), ElementsAre("open", "succeeded", "open", "waiting"));
  finish(runs[0], RunStatus::failed);
  EXPECT_THAT(statuses(1), ElementsAre("open", "succeeded", "open", "waiting"))
      << "it has an attempt left";
  now += 1h;
  runs = claim();
  ASSERT_EQ(runs.size(), 2u);
  for (const store::Run& run : runs)
    finish(run, run.attempt == 2 ? RunStatus::failed : RunStatus::succeeded);
  EXPECT_THAT(statuses(1), ElementsAre("failed", "succeeded", "succeeded", "open"));
  EXPECT_EQ(find(1).status, BackfillStatus::running);
  finish(claim().at(0), RunStatus::succeeded);

  EXPECT_EQ(find(1).status, BackfillStatus::ended);
  EXPECT_EQ(find(1).ended_at, now);
  const BackfillKey key = find(1).key;
  const auto counts = db->read([&](db::Session& session) { return count_intervals(session, key); });
  EXPECT_EQ(counts.succeeded, 3);
  EXPECT_EQ(counts.failed, 1);
  EXPECT_EQ(counts.waiting + counts.open + counts.dropped + counts.cancelled, 0);
}

TEST_P(BackfillsTest, StoppedItStartsNothingMoreAndStopsWhatIsUnderWay) {
  ASSERT_TRUE(add(3, 2));
  const auto run = claim(1).at(0);

  const Backfill running = find(1);
  const auto stopped = db->write(
      [&](db::Session& session) { return stop_backfill(session, running, "stopped by ada", now); });

  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->status, BackfillStatus::stopped);
  EXPECT_EQ(stopped->cause, "stopped by ada");
  EXPECT_THAT(statuses(1), ElementsAre("open", "cancelled", "dropped"));
  db->read([&](db::Session& session) {
    EXPECT_EQ(find_run(session, run.id)->status, RunStatus::stopping);
  });
  finish(run, RunStatus::cancelled);
  EXPECT_THAT(statuses(1), ElementsAre("cancelled", "cancelled", "dropped"));
  EXPECT_THAT(claim(), IsEmpty());
  const auto again =
      db->write([&](db::Session& session) { return stop_backfill(session, running, "x", now); });
  EXPECT_EQ(again.error().kind, Error::Kind::conflict);
}

TEST_P(BackfillsTest, OneOfAScheduleAtATime) {
  ASSERT_TRUE(add(1, 1));

  const auto second = add(1, 1);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("Backfill 1"));
  const auto first = claim().at(0);
  finish(first, RunStatus::succeeded);
  ASSERT_TRUE(add(1, 1));
  EXPECT_EQ(find(2).status, BackfillStatus::running);
  EXPECT_NE(claim().at(0).state_ids, first.state_ids) << "the same interval on another bookmark";
  db->read([&](db::Session& session) {
    const auto listed =
        list_backfills(session, tenant.organization.key, tenant.deployment.key, 0, 10);
    ASSERT_EQ(listed.size(), 2u);
    EXPECT_EQ(listed[0].number, 2);
    EXPECT_EQ(list_backfills(session, tenant.organization.key, tenant.deployment.key, 2, 10).size(),
              1u);
    EXPECT_THAT(list_backfills(session, OrganizationKey{"x"}, tenant.deployment.key, 0, 10),
                IsEmpty());
  });
}

TEST_P(BackfillsTest, ItsRunsAreInTheHistoryOfTheSchedule) {
  const auto by_the_clock = [&](Instant at) {
    db->write([&](db::Session& session) {
      NewRun run = testing::new_run(tenant, at);
      run.schedule = schedule.key;
      run.schedule_name = "daily";
      run.trigger = Trigger::schedule;
      add_run(session, run, at);
    });
  };
  by_the_clock(now - 1h);
  ASSERT_TRUE(add(2, 2));
  by_the_clock(now + 1h);

  std::vector<std::string> triggers;
  std::string cursor;
  do {
    const RunPage page = db->read([&](db::Session& session) {
      return list_runs(
          session, tenant.organization.key,
          {.deployment = tenant.deployment.key, .schedule_name = "daily", .before = cursor}, 1);
    });
    for (const auto& listed : page.runs) triggers.emplace_back(to_text(listed.run.trigger));
    cursor = page.next;
  } while (!cursor.empty());

  EXPECT_THAT(triggers, ElementsAre("schedule", "backfill", "backfill", "schedule"));
}

TEST_P(BackfillsTest, ItEndsWhereTheScheduleIsGone) {
  ASSERT_TRUE(add(3, 1));
  const auto run = claim().at(0);
  db->write([&](db::Session& session) { testing::add_live_release(session, tenant, {}, now); });

  finish(run, RunStatus::succeeded);

  EXPECT_EQ(find(1).status, BackfillStatus::stopped);
  EXPECT_THAT(find(1).cause.value_or(""), HasSubstr("has no schedule 'daily'"));
  EXPECT_THAT(statuses(1), ElementsAre("succeeded", "dropped", "dropped"));
}

TEST_P(BackfillsTest, ItsRunsAreNotAmongThoseThatAreClaimedFirst) {
  ASSERT_TRUE(add(1, 1));
  db->write([&](db::Session& session) {
    add_run(session, testing::new_run(tenant, now + 1min), now + 1min);
    const auto claimed = claim_runs(session, "w", 10, now + 1min);
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(claimed[0].trigger, Trigger::manual);
  });
}

TEST_P(BackfillsTest, StopsWhereNoCreditsAreLeft) {
  ASSERT_TRUE(add(2, 1));
  db->write([&](db::Session& session) {
    set_credit_settings(session, tenant.organization.key, {.stop_at_zero = true}, now);
  });

  finish(claim().at(0), RunStatus::succeeded);

  db->read([&](db::Session& session) {
    const auto stopped = find_backfill(session, tenant.organization.key, tenant.deployment.key, 1);
    EXPECT_EQ(stopped->status, BackfillStatus::stopped);
    EXPECT_EQ(stopped->cause, "there are no credits left");
  });
}

TEST_P(BackfillsTest, OldOnesGoAndSoDoThoseOfADeploymentThatGoes) {
  ASSERT_TRUE(add(1, 1));
  finish(claim().at(0), RunStatus::succeeded);
  db->write([&](db::Session& session) {
    EXPECT_EQ(delete_old_backfills(session, tenant.organization.key, now, 10), 0);
    EXPECT_EQ(delete_old_backfills(session, tenant.organization.key, now + 1ms, 10), 1);
    EXPECT_FALSE(find_backfill(session, tenant.organization.key, tenant.deployment.key, 1));
  });
  ASSERT_TRUE(add(3, 1));

  db->write([&](db::Session& session) {
    ASSERT_TRUE(delete_deployment(session, tenant.organization.key, tenant.deployment.key, now));
    const auto stopped = find_backfill(session, tenant.organization.key, tenant.deployment.key, 1);
    EXPECT_EQ(stopped->status, BackfillStatus::stopped);
    const auto counts = count_intervals(session, stopped->key);
    EXPECT_EQ(counts.cancelled, 1) << "the one that waited in the queue";
    EXPECT_EQ(counts.dropped, 2);
    EXPECT_THAT(delete_old_runs(session, tenant.organization.key, now + 1ms, 10), SizeIs(2));
    EXPECT_EQ(purge_deleted(session, tenant.organization.key, now + 1ms), 1);
    EXPECT_FALSE(find_backfill(session, tenant.organization.key, tenant.deployment.key, 1));
  });
}

}  // namespace
}  // namespace cupola::store
