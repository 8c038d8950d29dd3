#include "store/uptime.h"

#include <gmock/gmock.h>

#include "store/runs.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class UptimeTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      tenant = testing::add_tenant(session, "acme", noon);
      testing::add_live_release(
          session, tenant,
          {{.name = "load", .interval = "@hourly"}, {.name = "never", .interval = "@once"}}, noon);
      schedule = *find_schedule(session, tenant.organization.key, tenant.deployment.key, "load");
    });
  }

  void record(Instant at, FireOutcome outcome, std::int64_t count = 1) {
    db->write([&](db::Session& session) {
      record_fire(session, {.schedule = schedule.key,
                            .nominal = at,
                            .due = at,
                            .outcome = outcome,
                            .count = count,
                            .noticed_at = at});
    });
  }
  /// A fire whose run starts at `started_at` and ends so.
  void record_run(Instant at, Instant started_at, RunStatus status, int attempts = 1) {
    db->write([&](db::Session& session) {
      NewRun run = testing::new_run(tenant, at);
      run.schedule = schedule.key;
      run.most_attempts = attempts;
      add_run(session, run, at);
      record_fire(
          session,
          {.schedule = schedule.key, .nominal = at, .due = at, .run = run.id, .noticed_at = at});
      if (status == RunStatus::skipped) {
        end_queued_run(session, run.id, status, "superseded", std::nullopt, at);
        return;
      }
      Instant now = started_at;
      for (int attempt = 1; attempt <= attempts; ++attempt) {
        const auto claimed = claim_runs(session, "here", 1, now);
        const Lease lease{claimed.at(0).id, claimed.at(0).lease_token};
        mark_running(session, lease, "none", now);
        finish_run(session, lease, {.status = status, .run_time = 1min}, {}, now + 1min);
        now += 5h;
      }
    });
  }
  UptimePage page(const UptimeFilter& filter) {
    return db->read([&](db::Session& session) {
      return list_uptime(session, tenant.organization.key, filter, 0, 10, noon + 40 * 24h);
    });
  }
  credits::TickCount ticks() {
    const auto found = page(november).schedules;
    EXPECT_THAT(found, SizeIs(1));
    return found.empty() ? credits::TickCount{} : found[0].ticks;
  }

  const UptimeFilter november{.from = *credits::parse_month("2026-11"),
                              .until = *credits::parse_month("2026-12")};
  testing::Tenant tenant;
  Schedule schedule;
};
INSTANTIATE_TEST_SUITE_P(On, UptimeTest, testing::databases());

TEST_P(UptimeTest, RunsThatWereLostOrLateAndFiresThatWereMissedCountAsMissed) {
  record_run(noon, noon, RunStatus::succeeded);
  record_run(noon + 1h, noon + 1h, RunStatus::failed);
  record_run(noon + 2h, noon + 2h, RunStatus::lost);
  record_run(noon + 3h, noon + 4h, RunStatus::succeeded);
  record(noon + 4h, FireOutcome::missed, 3);
  record(noon + 5h, FireOutcome::skipped_overlap);
  record(noon + 6h, FireOutcome::skipped_credits);
  record_run(noon + 7h, noon, RunStatus::skipped);

  EXPECT_EQ(ticks().due, 10);
  EXPECT_EQ(ticks().missed, 5);
}

TEST_P(UptimeTest, TheFirstAttemptTellsWhenARunStarted) {
  record_run(noon, noon, RunStatus::failed, 3);
  record(noon + 1h, FireOutcome::skipped_overlap);

  EXPECT_EQ(ticks().due, 2);
  EXPECT_EQ(ticks().missed, 0);
}

TEST_P(UptimeTest, IsThatOfTheMonthAndOfThoseThatWereDue) {
  record(*parse_rfc3339("2026-10-31T23:59:59Z"), FireOutcome::missed);
  record(*parse_rfc3339("2026-11-01T00:00:00Z"), FireOutcome::missed);
  record(*parse_rfc3339("2026-12-01T00:00:00Z"), FireOutcome::missed);

  EXPECT_EQ(ticks().due, 1);
  const auto found = page(november).schedules;
  EXPECT_EQ(found[0].project, "acme");
  EXPECT_EQ(found[0].deployment, "acme");
  EXPECT_EQ(found[0].name, "load");
  EXPECT_THAT(page({.from = november.from, .until = november.from}).schedules, IsEmpty());
}

TEST_P(UptimeTest, ComesInPages) {
  record(noon, FireOutcome::missed);
  const auto at = [&](std::int64_t skip) {
    return db->read([&](db::Session& session) {
      return list_uptime(session, tenant.organization.key, november, skip, 1, noon);
    });
  };

  const auto first = at(0);
  const auto second = at(1);

  EXPECT_TRUE(first.more);
  EXPECT_FALSE(second.more);
  EXPECT_EQ(first.schedules.size() + second.schedules.size(), 1U);
}

}  // namespace
}  // namespace cupola::store
