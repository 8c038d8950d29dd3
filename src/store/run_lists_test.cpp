#include <gmock/gmock.h>

#include "store/runs.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class RunListsTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      tenant = testing::add_tenant(session, "Acme Data", noon);
      testing::add_live_release(session, tenant, {{.name = "daily", .interval = "@daily"}}, noon);
      other = testing::add_tenant(session, "other", noon);
      testing::add_live_release(session, other, {}, noon);
    });
  }

  /// Each is queued a minute after the one before.
  RunId add(const std::function<void(NewRun&)>& change = [](NewRun&) {}) {
    queued_at += 1min;
    auto run = testing::new_run(tenant, queued_at);
    change(run);
    db->write([&](db::Session& session) { add_run(session, run, queued_at); });
    return run.id;
  }
  void end(const RunId& id, RunStatus status, Instant at) {
    db->write([&](db::Session& session) {
      for (const auto& run : claim_runs(session, "w", 100, at)) {
        if (run.id != id) continue;
        finish_run(session, {id, run.lease_token}, {.status = status}, {}, at);
      }
    });
  }
  RunPage page(const RunFilter& filter, int limit = 100) {
    return db->read([&](db::Session& session) {
      return list_runs(session, tenant.organization.key, filter, limit);
    });
  }
  std::vector<RunId> list(const RunFilter& filter) {
    std::vector<RunId> ids;
    for (const ListedRun& listed : page(filter).runs) ids.push_back(listed.run.id);
    return ids;
  }

  testing::Tenant tenant;
  testing::Tenant other;
  Instant queued_at = noon;
};
INSTANTIATE_TEST_SUITE_P(On, RunListsTest, testing::databases());

TEST_P(RunListsTest, NewestComeFirstWithTheirNames) {
  const RunId older = add();
  const RunId newer = add();

  const auto listed = page({}).runs;

  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].run.id, newer);
  EXPECT_EQ(listed[1].run.id, older);
  EXPECT_EQ(listed[0].project_name, "Acme Data");
  EXPECT_EQ(listed[0].deployment_name, "Acme Data");
  EXPECT_EQ(page({}).next, "");
}

TEST_P(RunListsTest, PagesFollowEachOtherWithoutGapsOrRepeats) {
  std::vector<RunId> all;
  for (int i = 0; i < 7; ++i) {
    if (i % 2 == 1) queued_at -= 1min;  // some in the same millisecond
    all.insert(all.begin(), add());
  }

  std::vector<RunId> seen;
  std::string cursor;
  int pages = 0;
  do {
    const auto got = page({.before = cursor}, 3);
    for (const auto& listed : got.runs) seen.push_back(listed.run.id);
    cursor = got.next;
    EXPECT_TRUE(cursor.empty() || is_run_cursor(cursor));
    ++pages;
  } while (!cursor.empty());

  EXPECT_EQ(seen, all);
  EXPECT_EQ(pages, 3);
}

TEST_P(RunListsTest, WhatIsNoCursorGivesAnEmptyPage) {
  add();
  for (const char* text : {"x", "1", "1.", "1.zz", "99999999999999999999.0", ".", "1.0' OR 1=1"}) {
    EXPECT_FALSE(is_run_cursor(text)) << text;
    EXPECT_THAT(list({.before = text}), IsEmpty()) << text;
  }
}

TEST_P(RunListsTest, EachFilterAndAllTogether) {
  const ScheduleKey schedule = db->read([&](db::Session& session) {
    return find_schedule(session, tenant.organization.key, tenant.deployment.key, "daily")->key;
  });
  const auto of_schedule = [&](NewRun& run) {
    run.schedule = schedule;
    run.schedule_name = "daily";
  };
  const RunId failed = add(of_schedule);
  end(failed, RunStatus::failed, queued_at);
  const RunId succeeded = add(of_schedule);
  end(succeeded, RunStatus::succeeded, queued_at);
  const RunId manual = add();

  EXPECT_THAT(list({.project = tenant.project.key}), ElementsAre(manual, succeeded, failed));
  EXPECT_THAT(list({.project = other.project.key}), IsEmpty());
  EXPECT_THAT(list({.deployment = tenant.deployment.key}), ElementsAre(manual, succeeded, failed));
  EXPECT_THAT(list({.schedule_name = "daily"}), ElementsAre(succeeded, failed));
  EXPECT_THAT(list({.deployment = tenant.deployment.key, .schedule_name = "daily"}),
              ElementsAre(succeeded, failed));
  EXPECT_THAT(list({.deployment = tenant.deployment.key, .schedule_name = "none"}), IsEmpty());
  EXPECT_THAT(list({.status = RunStatus::failed}), ElementsAre(failed));
  EXPECT_THAT(list({.status = RunStatus::queued}), ElementsAre(manual));
  EXPECT_THAT(list({.since = noon + 2min}), ElementsAre(manual, succeeded));
  EXPECT_THAT(list({.until = noon + 2min}), ElementsAre(failed));
  EXPECT_THAT(list({.project = tenant.project.key,
                    .deployment = tenant.deployment.key,
                    .schedule_name = "daily",
                    .status = RunStatus::succeeded,
                    .since = noon,
                    .until = noon + 1h}),
              ElementsAre(succeeded));
}

TEST_P(RunListsTest, AnotherOrganizationSeesNothing) {
  const RunId id = add();

  db->read([&](db::Session& session) {
    const auto& foreign = other.organization.key;
    EXPECT_THAT(list_runs(session, foreign, {}, 10).runs, IsEmpty());
    EXPECT_THAT(list_runs(session, foreign, {.project = tenant.project.key}, 10).runs, IsEmpty());
    EXPECT_FALSE(find_run(session, foreign, id));
    EXPECT_FALSE(find_listed_run(session, foreign, id));
    EXPECT_TRUE(find_run(session, tenant.organization.key, id));
    EXPECT_EQ(find_listed_run(session, tenant.organization.key, id)->project_name, "Acme Data");
  });
}

TEST_P(RunListsTest, OldLogsAndOldRunsAreFoundAndGo) {
  const RunId old = add();
  end(old, RunStatus::succeeded, noon + 1h);
  const RunId recent = add();
  end(recent, RunStatus::failed, noon + 48h);
  const RunId waiting = add();

  db->write([&](db::Session& session) {
    EXPECT_THAT(list_runs_with_old_logs(session, tenant.organization.key, noon + 24h, 10),
                ElementsAre(old));
    forget_log(session, old);
    EXPECT_THAT(list_runs_with_old_logs(session, tenant.organization.key, noon + 24h, 10),
                IsEmpty());
    EXPECT_THAT(delete_old_runs(session, tenant.organization.key, noon + 24h, 10),
                ElementsAre(old));
    EXPECT_THAT(delete_old_runs(session, tenant.organization.key, noon + 72h, 0), IsEmpty());
    EXPECT_THAT(delete_old_runs(session, tenant.organization.key, noon + 72h, 10),
                ElementsAre(recent));
  });
  EXPECT_THAT(list({}), ElementsAre(waiting));
}

}  // namespace
}  // namespace cupola::store
