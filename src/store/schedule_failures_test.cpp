// A schedule whose runs fail again and again is switched off.

#include <gmock/gmock.h>

#include "store/audit.h"
#include "store/notification_events.h"
#include "store/notifications.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class ScheduleFailuresTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      tenant = testing::add_tenant(session, "acme", noon);
      testing::add_live_release(
          session, tenant, {{.name = "load", .interval = "@hourly", .given = {.pause_after = 3}}},
          noon);
      key = find_schedule(session, tenant.organization.key, tenant.deployment.key, "load")->key;
      set_enabled(session, key, true, noon);
      ASSERT_TRUE(set_notification(session,
                                   {.organization = tenant.organization.key,
                                    .scope = {},
                                    .recipient = "https://hooks.example/x",
                                    .filters = {}},
                                   noon));
    });
  }

  Schedule schedule() {
    return *db->read([&](db::Session& session) {
      return find_schedule(session, tenant.organization.key, tenant.deployment.key, "load");
    });
  }
  RunId end_run(RunStatus status, Trigger trigger = Trigger::schedule) {
    return db->write([&](db::Session& session) {
      NewRun run = testing::new_run(tenant, noon);
      run.schedule = key;
      run.schedule_name = "load";
      run.trigger = trigger;
      add_run(session, run, noon);
      if (status == RunStatus::skipped) {
        end_queued_run(session, run.id, status, "superseded", "superseded", noon);
        return run.id;
      }
      const auto claimed = claim_runs(session, "w", 1, noon).at(0);
      finish_run(session, {claimed.id, claimed.lease_token},
                 {.status = status, .cause = "the source said no."}, {}, noon);
      return run.id;
    });
  }
  std::vector<NotificationEvent> events() {
    return db->write([](db::Session& session) { return take_open_events(session, 100); });
  }

  testing::Tenant tenant;
  ScheduleKey key;
};
INSTANTIATE_TEST_SUITE_P(On, ScheduleFailuresTest, testing::databases());

TEST_P(ScheduleFailuresTest, AfterSoManyInARowItIsSwitchedOffAndThatIsToldAndAudited) {
  end_run(RunStatus::failed);
  end_run(RunStatus::timed_out, Trigger::catch_up);
  EXPECT_EQ(schedule().failures, 2);
  EXPECT_TRUE(schedule().enabled);

  const RunId last = end_run(RunStatus::lost);

  const Schedule now = schedule();
  EXPECT_FALSE(now.enabled);
  EXPECT_FALSE(now.planned);
  EXPECT_THAT(now.paused_cause.value_or(""), HasSubstr("after 3 failures in a row"));
  EXPECT_THAT(now.paused_cause.value_or(""), EndsWith(last.text()));
  const auto told = events();
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[1].cause, "the source said no.");
  EXPECT_FALSE(told[1].told_always);
  EXPECT_EQ(told[2].cause,
            "the source said no; its schedule is switched off after 3 failures in a row");
  EXPECT_TRUE(told[2].told_always);
  db->read([&](db::Session& session) {
    const auto audit = list_audit(session, tenant.organization.key, {}, 10);
    ASSERT_EQ(audit.size(), 1u);
    EXPECT_EQ(audit[0].action, "schedule.pause");
    EXPECT_EQ(audit[0].actor_kind, ActorKind::server);
    EXPECT_EQ(audit[0].name, "load");
    EXPECT_EQ(audit[0].deployment, tenant.deployment.name);
    EXPECT_EQ(find_run(session, last)->cause, "the source said no.");
  });
}

TEST_P(ScheduleFailuresTest, ASuccessEndsTheRowAndOtherEndsChangeNothing) {
  end_run(RunStatus::failed);
  end_run(RunStatus::failed);
  end_run(RunStatus::failed, Trigger::manual);
  end_run(RunStatus::cancelled);
  end_run(RunStatus::skipped);
  EXPECT_EQ(schedule().failures, 2);
  EXPECT_TRUE(schedule().enabled);

  end_run(RunStatus::succeeded, Trigger::manual);
  EXPECT_EQ(schedule().failures, 0);
  end_run(RunStatus::failed);
  end_run(RunStatus::failed);
  EXPECT_TRUE(schedule().enabled);
}

TEST_P(ScheduleFailuresTest, SwitchingItOnAgainCountsAnew) {
  for (int i = 0; i < 3; ++i) end_run(RunStatus::failed);
  ASSERT_FALSE(schedule().enabled);
  end_run(RunStatus::failed);
  EXPECT_EQ(events().size(), 4u);
  EXPECT_FALSE(events()[3].told_always) << "it is off already";

  db->write([&](db::Session& session) { set_enabled(session, key, true, noon); });

  EXPECT_EQ(schedule().failures, 0);
  EXPECT_FALSE(schedule().paused_cause);
  end_run(RunStatus::failed);
  EXPECT_TRUE(schedule().enabled);
}

TEST_P(ScheduleFailuresTest, WithoutALimitItGoesOn) {
  const Schedule before = schedule();
  db->write(
      [&](db::Session& session) { set_own_settings(session, before, {.pause_after = 0}, noon); });
  for (int i = 0; i < 5; ++i) end_run(RunStatus::failed);

  EXPECT_TRUE(schedule().enabled);
  EXPECT_EQ(schedule().failures, 5);
}

}  // namespace
}  // namespace cupola::store
