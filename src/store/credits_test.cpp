#include "store/credits.h"

#include <gmock/gmock.h>

#include "store/attempts.h"
#include "store/audit.h"
#include "store/deletions.h"
#include "store/deployments.h"
#include "store/notification_events.h"
#include "store/notifications.h"
#include "store/projects.h"
#include "store/usage.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using credits::Amount;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class CreditsTest : public testing::EachDatabase {
 protected:
  using Run = store::Run;  // and not the private function of ::testing::Test

  void SetUp() override {
    EachDatabase::SetUp();
    if (!IsSkipped()) tenant = add_tenant("acme");
  }
  testing::Tenant add_tenant(const std::string& name) {
    return db->write([&](db::Session& session) {
      auto made = testing::add_tenant(session, name, noon);
      testing::add_live_release(session, made, {{.name = "load", .interval = "@hourly"}}, noon);
      return made;
    });
  }
  const OrganizationKey& acme() const { return tenant.organization.key; }

  RunId add(const testing::Tenant& of, const std::optional<std::string>& schedule = {},
            int most_attempts = 1) {
    NewRun run = testing::new_run(of, noon);
    run.schedule_name = schedule;
    run.most_attempts = most_attempts;
    db->write([&](db::Session& session) { add_run(session, run, noon); });
    return run.id;
  }
  Lease start(Instant now, std::optional<bool> is_frequent = false) {
    return db->write([&](db::Session& session) {
      const auto claimed = claim_runs(session, "here", 1, now);
      EXPECT_THAT(claimed, SizeIs(1));
      const Lease lease{claimed.at(0).id, claimed.at(0).lease_token};
      if (is_frequent) mark_running(session, lease, "none", now, *is_frequent);
      return lease;
    });
  }
  Finish finish(const Lease& lease, const RunResult& result, Instant now = noon) {
    return db->write(
        [&](db::Session& session) { return finish_run(session, lease, result, {}, now); });
  }
  Run run(const RunId& id) {
    return *db->read([&](db::Session& session) { return find_run(session, id); });
  }
  /// A run of a minute, which costs 1 credit, and is over.
  RunId use_one(const testing::Tenant& of, const std::optional<std::string>& schedule = {},
                Instant ended_at = noon) {
    const RunId id = add(of, schedule);
    finish(start(noon), {.status = RunStatus::succeeded, .ended_at = ended_at, .run_time = 1min});
    return id;
  }
  int settle() {
    return db->write([&](db::Session& session) { return settle_usage(session, 100, noon); });
  }
  CreditAccount account(const OrganizationKey& organization) {
    return db->read([&](db::Session& session) { return credit_account_of(session, organization); });
  }
  CreditEntry enter(Amount amount, Instant at = noon, const std::string& note = "invoice 17") {
    return db->write([&](db::Session& session) {
      return add_credit_entry(session, acme(),
                              {.amount = amount, .note = note, .entered_by = "ada"}, at);
    });
  }
  void set(const CreditSettings& settings) {
    db->write([&](db::Session& session) { set_credit_settings(session, acme(), settings, noon); });
  }
  std::set<OrganizationKey> stopped() {
    return db->read([](db::Session& session) { return list_stopped_organizations(session); });
  }
  std::vector<UsageRow> usage(UsageBy by, UsageFilter filter = {}) {
    if (filter.until == credits::Day()) {
      filter.from = *credits::parse_day("2026-01-01");
      filter.until = *credits::parse_day("2028-01-01");
    }
    return db->read([&](db::Session& session) { return list_usage(session, acme(), filter, by); });
  }

  testing::Tenant tenant;
};
INSTANTIATE_TEST_SUITE_P(On, CreditsTest, testing::databases());

// -- what one run costs --

TEST_P(CreditsTest, ARunCostsNothingUntilItHasEnded) {
  const RunId id = add(tenant);
  EXPECT_FALSE(run(id).cost);
  const Lease lease = start(noon);
  EXPECT_FALSE(run(id).cost);

  finish(lease, {.status = RunStatus::succeeded, .egress_bytes = 16'000'000, .run_time = 11min});

  const Run ended = run(id);
  ASSERT_TRUE(ended.cost);
  EXPECT_EQ(ended.cost->base, Amount{100});
  EXPECT_EQ(ended.cost->run_time, Amount{10});
  EXPECT_EQ(ended.cost->egress, Amount{0});
  EXPECT_EQ(account(acme()).used, Amount{110});
}

TEST_P(CreditsTest, FailedCancelledAndTimedOutRunsCountAndLostOnesDoNot) {
  for (const RunStatus status :
       {RunStatus::failed, RunStatus::cancelled, RunStatus::timed_out, RunStatus::succeeded}) {
    const RunId id = add(tenant);
    finish(start(noon), {.status = status, .run_time = 1min});
    EXPECT_EQ(run(id).cost->total(), Amount{100}) << to_text(status);
  }
  const RunId lost = add(tenant);
  finish(start(noon), {.status = RunStatus::lost, .run_time = 1min});

  EXPECT_EQ(run(lost).cost->total(), Amount{0});
  EXPECT_EQ(account(acme()).used, Amount{400});
}

TEST_P(CreditsTest, RunsThatNeverStartedCostNothing) {
  const RunId unstarted = add(tenant);
  finish(start(noon, std::nullopt), {.status = RunStatus::failed});
  const RunId skipped = add(tenant), stopped = add(tenant);
  db->write([&](db::Session& session) {
    EXPECT_TRUE(end_queued_run(session, skipped, RunStatus::skipped, "", std::nullopt, noon));
    EXPECT_TRUE(request_stop(session, acme(), stopped, "user", noon));
  });

  for (const RunId& id : {unstarted, skipped, stopped}) {
    EXPECT_EQ(run(id).cost->total(), Amount{0});
    EXPECT_FALSE(run(id).cost->egress);
  }
  EXPECT_EQ(account(acme()).used, Amount{0});
  EXPECT_EQ(settle(), 0);
}

TEST_P(CreditsTest, ARunThatIsTriedAgainCostsItsBaseOnceAndTheTimeOfAllThatCount) {
  const RunId id = add(tenant, "load", 3);
  EXPECT_EQ(finish(start(noon), {.status = RunStatus::failed, .egress_bytes = 5, .run_time = 6min}),
            Finish::queued_again);
  EXPECT_FALSE(run(id).cost);

  EXPECT_EQ(finish(start(noon + 1h), {.status = RunStatus::succeeded, .run_time = 5min}),
            Finish::ended);

  EXPECT_EQ(run(id).cost->base, Amount{100});
  EXPECT_EQ(run(id).cost->run_time, Amount{10});
  EXPECT_EQ(run(id).cost->egress, Amount{0});
  const auto attempts =
      db->read([&](db::Session& session) { return list_attempts(session, acme(), id); });
  EXPECT_EQ(attempts.at(0).run_time, 6min);
}

TEST_P(CreditsTest, WhatRepeatsALostAttemptCostsNothing) {
  const RunId id = add(tenant, "load", 2);
  finish(start(noon), {.status = RunStatus::lost});

  finish(start(noon + 1h), {.status = RunStatus::succeeded, .run_time = 3h});

  EXPECT_EQ(run(id).cost->total(), Amount{0});
  EXPECT_EQ(account(acme()).used, Amount{0});
}

TEST_P(CreditsTest, ARunThatIsStoppedBetweenTwoAttemptsCostsTheFirst) {
  const RunId id = add(tenant, "load", 2);
  finish(start(noon), {.status = RunStatus::failed, .run_time = 1min});

  db->write([&](db::Session& session) {
    EXPECT_TRUE(request_stop(session, acme(), id, "user", noon + 1min));
  });

  EXPECT_EQ(run(id).cost->total(), Amount{100});
  EXPECT_EQ(account(acme()).used, Amount{100});
}

TEST_P(CreditsTest, HowOftenItsScheduleFiredWhenItFirstStartedDecides) {
  const RunId id = add(tenant, "load", 2);
  finish(start(noon, true), {.status = RunStatus::failed, .run_time = 1min});
  finish(start(noon + 1h, false),
         {.status = RunStatus::succeeded, .run_time = 1min, .is_frequent = false});
  EXPECT_TRUE(run(id).is_frequent);
  EXPECT_EQ(run(id).cost->total(), Amount{50});

  // One that ended before it was seen to start.
  const RunId quick = add(tenant, "load");
  finish(start(noon + 1h, std::nullopt),
         {.status = RunStatus::succeeded, .run_time = 1ms, .is_frequent = true});
  EXPECT_EQ(run(quick).cost->total(), Amount{50});
}

TEST_P(CreditsTest, UnderAStaleTokenNothingIsCharged) {
  add(tenant);
  Lease lease = start(noon);
  --lease.token;

  EXPECT_EQ(finish(lease, {.status = RunStatus::succeeded, .run_time = 1h}), Finish::stale);

  EXPECT_EQ(account(acme()).used, Amount{0});
}

// -- sums --

TEST_P(CreditsTest, SumsAreTheSameBeforeAndAfterTheyAreSettled) {
  use_one(tenant, "load");
  use_one(tenant, "load");
  use_one(tenant);
  const auto before = usage(UsageBy::schedule);
  EXPECT_EQ(account(acme()).used, Amount{300});

  EXPECT_EQ(settle(), 3);
  EXPECT_EQ(settle(), 0);
  use_one(tenant, "load");

  EXPECT_EQ(account(acme()).used, Amount{400});
  ASSERT_THAT(before, SizeIs(2));
  EXPECT_EQ(before[0].schedule, "");
  EXPECT_EQ(before[0].usage.runs, 1);
  EXPECT_EQ(before[1].schedule, "load");
  EXPECT_EQ(before[1].usage.runs, 2);
  const auto after = usage(UsageBy::schedule);
  ASSERT_THAT(after, SizeIs(2));
  EXPECT_EQ(after[1].project, "acme");
  EXPECT_EQ(after[1].deployment, "acme");
  EXPECT_EQ(after[1].usage.runs, 3);
  EXPECT_EQ(after[1].usage.cost.total(), Amount{300});
  EXPECT_EQ(after[1].usage.use.run_time, 3min);
  EXPECT_EQ(after[1].usage.use.egress_bytes, std::nullopt);
}

TEST_P(CreditsTest, EgressIsTheSumOfWhatWasCounted) {
  const auto use = [&](std::optional<std::int64_t> egress) {
    add(tenant);
    finish(start(noon), {.status = RunStatus::succeeded, .egress_bytes = egress, .run_time = 1min});
  };
  use(std::nullopt);
  settle();
  use(25'000'000);
  use(15'000'001);
  settle();
  use(1);
  settle();

  const auto total = usage(UsageBy::total).at(0).usage;

  EXPECT_EQ(total.use.egress_bytes, 40'000'002);
  EXPECT_EQ(total.cost.egress, Amount{2});
}

TEST_P(CreditsTest, ARunBelongsToTheDayOfItsEndInUtc) {
  use_one(tenant, {}, *parse_rfc3339("2026-10-31T23:59:59.999Z"));
  use_one(tenant, {}, *parse_rfc3339("2026-11-01T00:00:00Z"));
  use_one(tenant, {}, *parse_rfc3339("2026-11-30T23:00:00Z"));
  settle();

  const auto days = usage(UsageBy::day);
  const auto months = usage(UsageBy::month);
  const auto november = usage(UsageBy::total, {.from = *credits::parse_month("2026-11"),
                                               .until = *credits::parse_month("2026-12")});

  ASSERT_THAT(days, SizeIs(3));
  EXPECT_EQ(credits::day_text(*days[0].day), "2026-10-31");
  ASSERT_THAT(months, SizeIs(2));
  EXPECT_EQ(months[1].day, credits::parse_month("2026-11"));
  EXPECT_EQ(months[1].usage.runs, 2);
  EXPECT_EQ(months[1].usage.cost.total(), Amount{200});
  EXPECT_EQ(november.at(0).usage.cost.total(), Amount{200});
}

TEST_P(CreditsTest, SumsAreOfOneOrganizationAndOfWhatTheFilterNames) {
  const testing::Tenant other = add_tenant("other");
  use_one(tenant, "load");
  use_one(other, "load");
  settle();
  use_one(tenant);

  UsageFilter filter{.from = credits::day_of(noon), .until = credits::day_of(noon + 24h)};
  EXPECT_EQ(usage(UsageBy::total, filter).at(0).usage.runs, 2);
  filter.schedule = "load";
  EXPECT_EQ(usage(UsageBy::total, filter).at(0).usage.runs, 1);
  filter.schedule.reset();
  filter.project = tenant.project.key;
  filter.deployment = tenant.deployment.key;
  EXPECT_EQ(usage(UsageBy::deployment, filter).at(0).usage.runs, 2);
  filter.project = other.project.key;
  EXPECT_THAT(usage(UsageBy::project, filter), IsEmpty());
  EXPECT_EQ(usage(UsageBy::total, filter).at(0).usage.runs, 0);
  EXPECT_EQ(account(other.organization.key).used, Amount{100});
}

TEST_P(CreditsTest, UsageOfWhatWasDeletedKeepsItsNames) {
  use_one(tenant, "load");
  settle();
  use_one(tenant, "load");

  db->write([&](db::Session& session) {
    ASSERT_TRUE(delete_deployment(session, acme(), tenant.deployment.key, noon));
    ASSERT_TRUE(delete_project(session, acme(), tenant.project.key, noon));
  });
  settle();

  const auto rows = usage(UsageBy::schedule);
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].project, "acme");
  EXPECT_EQ(rows[0].deployment, "acme");
  EXPECT_EQ(rows[0].schedule, "load");
  EXPECT_TRUE(rows[0].is_gone);
  EXPECT_EQ(rows[0].usage.runs, 2);
  EXPECT_FALSE(usage(UsageBy::day).at(0).is_gone);
}

// -- the account --

TEST_P(CreditsTest, TheBalanceIsWhatWasBoughtLessWhatWasUsed) {
  EXPECT_EQ(account(acme()).balance(), Amount{0});
  use_one(tenant);
  EXPECT_EQ(account(acme()).balance(), Amount{-100});

  enter(Amount{52000});
  const CreditEntry correction = enter(Amount{-50000}, noon + 1h, "typed 520 for 20");

  EXPECT_EQ(account(acme()).balance(), Amount{1900});
  EXPECT_EQ(correction.kind, CreditEntryKind::correction);
  const auto entries = db->read(
      [&](db::Session& session) { return list_credit_entries(session, acme(), std::nullopt, 10); });
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[0].note, "typed 520 for 20");
  EXPECT_EQ(entries[0].entered_by, "ada");
  EXPECT_EQ(entries[1].amount, Amount{52000});
  EXPECT_EQ(entries[1].kind, CreditEntryKind::purchase);
  const auto rest = db->read([&](db::Session& session) {
    return list_credit_entries(session, acme(), std::pair(entries[0].entered_at, entries[0].id),
                               10);
  });
  EXPECT_THAT(rest, SizeIs(1));
}

TEST_P(CreditsTest, NothingIsToStartAtZeroWhereTheOrganizationWantsThat) {
  use_one(tenant);
  EXPECT_THAT(stopped(), IsEmpty());
  set({.stop_at_zero = true});
  EXPECT_THAT(stopped(), ElementsAre(acme()));

  enter(Amount{101});
  EXPECT_THAT(stopped(), IsEmpty());
  enter(Amount{-1});
  EXPECT_THAT(stopped(), ElementsAre(acme()));
  EXPECT_TRUE(account(acme()).is_stopped());
  settle();
  EXPECT_THAT(stopped(), ElementsAre(acme()));

  set({});
  EXPECT_THAT(stopped(), IsEmpty());
}

class LowTest : public CreditsTest {
 protected:
  void SetUp() override {
    CreditsTest::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      ASSERT_TRUE(set_notification(session,
                                   {.organization = acme(),
                                    .scope = {},
                                    .recipient = "https://hooks.example/low",
                                    .filters = {}},
                                   noon));
    });
  }
  /// What was told since the last call.
  std::vector<NotificationEvent> told() {
    return db->write([&](db::Session& session) {
      auto events = take_open_events(session, 100);
      for (const auto& event : events) mark_handled(session, event.id);
      std::erase_if(events, [](const auto& event) { return event.kind != "credits_low"; });
      return events;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(On, LowTest, testing::databases());

TEST_P(LowTest, ABalanceThatBecomesLowIsToldOnceUntilItHasRisenAgain) {
  enter(Amount{300});
  set({.low_threshold = Amount{100}});
  use_one(tenant);
  settle();
  EXPECT_THAT(told(), IsEmpty());

  use_one(tenant);
  settle();
  const auto events = told();
  use_one(tenant);
  settle();

  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].cause, "1 credits are left, the warning is set at 1.");
  EXPECT_EQ(events[0].organization, acme());
  EXPECT_FALSE(events[0].project || events[0].run);
  EXPECT_THAT(told(), IsEmpty());
  enter(Amount{200});
  use_one(tenant);
  settle();
  EXPECT_THAT(told(), SizeIs(1));
}

TEST_P(LowTest, AThresholdThatIsSetTooHighIsToldAtOnceAndSaysWhatHappensAtZero) {
  enter(Amount{150});

  set({.low_threshold = Amount{200}, .stop_at_zero = true});
  set({.low_threshold = Amount{200}, .stop_at_zero = true});

  const auto events = told();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].cause,
            "1.5 credits are left, the warning is set at 2. At 0 nothing starts any more.");
}

TEST_P(LowTest, WithoutAThresholdNothingIsTold) {
  use_one(tenant);
  settle();
  set({.stop_at_zero = true});

  EXPECT_THAT(told(), IsEmpty());
}

TEST_P(CreditsTest, WhatIsLeftExpiresAYearAfterTheLastPurchaseOrRun) {
  const auto expire = [&](Instant now) {
    return db->write([&](db::Session& session) { return expire_credits(session, now); });
  };
  enter(Amount{500}, noon - 100 * 24h);
  use_one(tenant);
  settle();
  EXPECT_EQ(expire(noon + 365 * 24h), 0);

  EXPECT_EQ(expire(noon + 365 * 24h + 1ms), 1);

  EXPECT_EQ(account(acme()).balance(), Amount{0});
  EXPECT_EQ(expire(noon + 800 * 24h), 0);
  const auto entries = db->read(
      [&](db::Session& session) { return list_credit_entries(session, acme(), std::nullopt, 1); });
  EXPECT_EQ(entries.at(0).kind, CreditEntryKind::expired);
  EXPECT_EQ(entries.at(0).amount, Amount{-400});
  const auto audited =
      db->read([&](db::Session& session) { return list_audit(session, acme(), {}, 10); });
  ASSERT_THAT(audited, SizeIs(1));
  EXPECT_EQ(audited[0].action, "credits.expire");
  EXPECT_EQ(audited[0].name, "-4");
}

}  // namespace
}  // namespace cupola::store
