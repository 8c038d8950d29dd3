#include "runner/upkeep.h"

#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/temp_folder.h"
#include "logs/writer.h"
#include "store/artifacts.h"
#include "store/audit.h"
#include "store/backfills.h"
#include "store/deletions.h"
#include "store/retention_preview.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/states.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::runner {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");
constexpr std::string_view state_id = "prod:tap-to-target";

class UpkeepTest : public cupola::testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    tenant_ = db->write([](db::Session& session) {
      auto tenant = cupola::testing::add_tenant(session, "acme", noon);
      cupola::testing::add_live_release(session, tenant, {}, noon);
      return tenant;
    });
  }

  /// One that ended then, with a log of a line.
  RunId run_that_ended(Instant at) {
    const auto run = cupola::testing::new_run(tenant_, at);
    const auto lease = db->write([&](db::Session& session) {
      store::add_run(session, run, at);
      const auto claimed = store::claim_runs(session, "server", 1, at);
      return store::Lease{.run = run.id, .token = claimed.at(0).lease_token};
    });
    auto log = logs::Writer::open(home_.log(run.id), {});
    log.note("hello", at);
    log.close(at);
    db->write([&](db::Session& session) {
      store::finish_run(
          session, lease, {.status = store::RunStatus::succeeded, .log_lines = 1, .ended_at = at},
          {{std::string(state_id), fmt::format(R"({{"completed": {}}})", ++payloads_)}}, at);
    });
    return run.id;
  }

  std::optional<store::Run> find(const RunId& run) {
    return db->read([&](db::Session& session) { return store::find_run(session, run); });
  }
  bool has_log(const RunId& run) {
    return std::filesystem::exists(home_.log(run).string() + ".log");
  }

  cupola::testing::Tenant tenant_;
  const TempFolder folder_{"cupola-upkeep"};
  const Home home_{folder_.path()};
  int payloads_ = 0;  // an equal one is no new version
};
INSTANTIATE_TEST_SUITE_P(On, UpkeepTest, cupola::testing::databases());

TEST_P(UpkeepTest, LogsGoBeforeTheirRunsAndWhatIsYoungStays) {
  const RunId old = run_that_ended(noon - 401 * 24h);
  const RunId without_log = run_that_ended(noon - 31 * 24h);
  const RunId young = run_that_ended(noon - 29 * 24h);

  const Removed removed = clean_up(*db, home_, {}, noon);

  EXPECT_EQ(removed.logs, 2);
  EXPECT_EQ(removed.runs, 1);
  EXPECT_FALSE(find(old));
  EXPECT_FALSE(has_log(old));
  ASSERT_TRUE(find(without_log));
  EXPECT_FALSE(find(without_log)->log_kept);
  EXPECT_FALSE(has_log(without_log));
  EXPECT_TRUE(find(young)->log_kept);
  EXPECT_TRUE(has_log(young));
  EXPECT_EQ(clean_up(*db, home_, {}, noon).logs, 0);
}

TEST_P(UpkeepTest, OfEachStateTheNewestVersionsStay) {
  for (int day = 5; day > 0; --day) run_that_ended(noon - day * 24h);

  EXPECT_EQ(clean_up(*db, home_, {.state_versions = 2}, noon).state_versions, 3);

  const auto state = db->read([&](db::Session& session) {
    return store::find_state(session, tenant_.organization.key, tenant_.project.key,
                             std::string(state_id));
  });
  ASSERT_TRUE(state);
}

TEST_P(UpkeepTest, AnOrganizationKeepsWhatItChoseAndThePreviewSaysSoFirst) {
  for (int day = 5; day > 0; --day) run_that_ended(noon - day * 24h - 1h);
  const auto other = db->write([&](db::Session& session) {
    const store::RetentionChoice choice{.logs = 2 * 24h, .runs = 3 * 24h, .state_versions = 4};
    EXPECT_TRUE(store::set_retention_choice(session, tenant_.organization.key, choice));
    return cupola::testing::add_tenant(session, "other", noon);
  });
  const auto kept = store::with_choice({}, db->read([&](db::Session& session) {
    return store::retention_choice_of(session, tenant_.organization.key);
  }));
  const auto preview = db->read([&](db::Session& session) {
    EXPECT_EQ(store::preview_retention(session, other.organization.key, kept, noon)[0].count, 0);
    return store::preview_retention(session, tenant_.organization.key, kept, noon);
  });

  const Removed removed = clean_up(*db, home_, {}, noon);

  EXPECT_EQ(removed.logs, 4);
  EXPECT_EQ(removed.runs, 3);
  EXPECT_EQ(removed.state_versions, 1);
  EXPECT_EQ(removed.audit, 0);
  ASSERT_EQ(preview.size(), 9u);
  EXPECT_EQ(preview[0].what, "logs");
  EXPECT_EQ(preview[0].count, removed.logs);
  EXPECT_EQ(preview[0].before, noon - 2 * 24h);
  EXPECT_EQ(preview[0].examples.at(0).at, noon - 5 * 24h - 1h) << "the oldest come first";
  EXPECT_EQ(preview[1].count, removed.runs);
  EXPECT_EQ(preview[6].what, "state_versions");
  EXPECT_EQ(preview[6].count, removed.state_versions);
  EXPECT_EQ(preview[6].examples.at(0).name, std::string(state_id) + " version 1");
  EXPECT_EQ(preview[8].count, 0) << "the audit log is kept for ever";
}

TEST_P(UpkeepTest, ThePreviewCountsWhatGoesWithRunsAndTheCleanUpTakesJustThat) {
  const RunId old = run_that_ended(noon - 401 * 24h);
  const RunId young = run_that_ended(noon - 399 * 24h);
  db->write([&](db::Session& session) {
    for (const RunId& run : {old, young}) {
      store::keep_artifacts(session, store::Lease{.run = run},
                            {{.path = "target/a.json", .bytes = 1},
                             {.path = "target/b.json", .bytes = 2},
                             {.path = "target/c.json", .fault = "too large"}});
    }
    cupola::testing::add_live_release(session, tenant_, {{.name = "load", .interval = "@daily"}},
                                      noon - 500 * 24h);
    const auto schedule =
        *store::find_schedule(session, tenant_.organization.key, tenant_.deployment.key, "load");
    for (const int days : {401, 399}) {
      store::record_fire(session, {.schedule = schedule.key,
                                   .nominal = noon - days * 24h,
                                   .due = noon - days * 24h,
                                   .outcome = store::FireOutcome::skipped_overlap});
      const Instant then = noon - days * 24h;
      const auto made = store::add_backfill(session,
                                            {.organization = tenant_.organization.key,
                                             .project = tenant_.project.key,
                                             .deployment = tenant_.deployment.key,
                                             .schedule = schedule.key,
                                             .schedule_name = "load",
                                             .since = then - 48h,
                                             .until = then,
                                             .start_variable = "A_FROM",
                                             .end_variable = "A_TO",
                                             .state_id_suffix = "b",
                                             .created_by = "ada"},
                                            {{then - 48h, then - 24h}, {then - 24h, then}}, then);
      ASSERT_TRUE(made);
      ASSERT_TRUE(store::stop_backfill(session, *made, "enough", then));
    }
  });
  const auto gone = [&] {
    std::map<std::string, store::WouldGo> by_name;
    for (auto& one : db->read([&](db::Session& session) {
           return store::preview_retention(session, tenant_.organization.key, {}, noon);
         })) {
      by_name[one.what] = one;
    }
    return by_name;
  };
  const auto rows = [&](const std::string& table) {
    return *db->read([&](db::Session& session) {
      return session.one("SELECT count(*) FROM " + table,
                         [](const db::Row& row) { return row.get<std::int64_t>(0); });
    });
  };
  const auto before = gone();
  const auto artifacts = rows("run_artifacts WHERE fault IS NULL");
  const auto fires = rows("fires");
  const auto backfills = rows("backfills");

  clean_up(*db, home_, {}, noon);

  EXPECT_EQ(before.at("artifacts").count, 2);
  EXPECT_EQ(before.at("artifacts").examples.at(0).name, "target/a.json of " + old.text());
  EXPECT_EQ(before.at("artifacts").before, noon - 400 * 24h);
  EXPECT_EQ(before.at("fires").count, 1);
  EXPECT_EQ(before.at("fires").examples.at(0).name, "load");
  EXPECT_EQ(before.at("backfills").count, 1);
  EXPECT_EQ(before.at("backfills").examples.at(0).name, "load 1");
  EXPECT_EQ(artifacts - rows("run_artifacts WHERE fault IS NULL"), before.at("artifacts").count);
  EXPECT_EQ(fires - rows("fires"), before.at("fires").count);
  EXPECT_EQ(backfills - rows("backfills"), before.at("backfills").count);
  for (const auto& [what, left] : gone()) EXPECT_EQ(left.count, 0) << what;

  db->write([&](db::Session& session) {
    EXPECT_TRUE(
        store::delete_deployment(session, tenant_.organization.key, tenant_.deployment.key, noon));
  });
  const Instant later = noon + 400 * 24h + 1ms;
  const auto deleted = db->read([&](db::Session& session) {
    return store::preview_retention(session, tenant_.organization.key, {}, later);
  });
  EXPECT_EQ(deleted[5].what, "deleted");
  EXPECT_EQ(deleted[5].count, 1);
  clean_up(*db, home_, {}, later);
  EXPECT_EQ(rows("deployments"), 0);
}

TEST_P(UpkeepTest, TheAuditLogHasATermOfItsOwn) {
  db->write([&](db::Session& session) {
    for (const int days : {500, 399, 10}) {
      store::add_audit(session, {.organization = tenant_.organization.key,
                                 .at = noon - days * 24h,
                                 .actor = "ada",
                                 .action = "project.create",
                                 .name = "p"});
    }
  });
  store::Retention defaults{.logs = 24h, .runs = 24h, .deliveries = 24h};
  EXPECT_EQ(clean_up(*db, home_, defaults, noon).audit, 0);
  defaults.audit = 400 * 24h;

  EXPECT_EQ(clean_up(*db, home_, defaults, noon).audit, 1);
}

TEST_P(UpkeepTest, ARunThatHasNotEndedStaysHoweverOld) {
  const auto run = cupola::testing::new_run(tenant_, noon - 1000 * 24h);
  db->write([&](db::Session& session) { store::add_run(session, run, noon - 1000 * 24h); });

  clean_up(*db, home_, {}, noon);

  EXPECT_TRUE(find(run.id));
}

}  // namespace
}  // namespace cupola::runner
