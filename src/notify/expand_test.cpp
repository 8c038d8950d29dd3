#include "notify/expand.h"

#include <gmock/gmock.h>

#include "notify/late.h"
#include "notify/notify_test.h"

namespace cupola::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum store::RunStatus;

class ExpandTest : public NotifyTest {};
INSTANTIATE_TEST_SUITE_P(On, ExpandTest, testing::databases());

TEST_P(ExpandTest, WhereNobodyListensNothingIsWritten) {
  end_run(failed);

  EXPECT_EQ(count("notification_events"), 0);
}

TEST_P(ExpandTest, EachEndOfARunIsToldAndAttemptsThatAreSkippedAreNot) {
  const auto all = set(receiver.url());
  for (const auto status : {succeeded, failed, cancelled, timed_out, lost}) end_run(status);
  auto run = testing::new_run(tenant, clock.now());
  db->write([&](db::Session& session) {
    store::add_run(session, run, clock.now());
    store::end_queued_run(session, run.id, skipped, "superseded", "superseded", clock.now());
  });

  expand();

  auto what = told(all);
  std::sort(what.begin(), what.end());
  EXPECT_THAT(what, ElementsAre("cancelled", "failed", "failed", "failed", "succeeded"));
}

TEST_P(ExpandTest, AQueuedRunThatIsCancelledIsTold) {
  const auto all = set(receiver.url());
  auto run = testing::new_run(tenant, clock.now());
  db->write([&](db::Session& session) {
    store::add_run(session, run, clock.now());
    ASSERT_TRUE(store::request_stop(session, tenant.organization.key, run.id, "user", clock.now()));
  });

  expand();

  EXPECT_THAT(told(all), ElementsAre("cancelled"));
}

TEST_P(ExpandTest, AnEventThatNobodyWantsIsForgotten) {
  set(receiver.url(), R"([{"status":["failed"]}])");
  end_run(succeeded);

  expand();

  EXPECT_EQ(count("notification_events"), 0);
  EXPECT_EQ(count("notification_deliveries"), 0);
}

TEST_P(ExpandTest, ARecipientGetsOneMessageHoweverManyFiltersAndScopesMatch) {
  const std::string filters = R"([{"status":["failed"]},{"events":["job_run"]},{}])";
  const auto wide = set(receiver.url(), filters);
  const auto narrow = set(receiver.url(), filters, {.project = tenant.project.key});
  const auto other = set(receiver.url() + "2", filters);
  end_run(failed);

  expand();

  EXPECT_THAT(told(wide), IsEmpty());
  EXPECT_THAT(told(narrow), ElementsAre("failed"));
  EXPECT_THAT(told(other), ElementsAre("failed"));
}

TEST_P(ExpandTest, ANarrowScopeThatDoesNotWantItLeavesItToTheWideOne) {
  const auto wide = set(receiver.url());
  const auto narrow =
      set(receiver.url(), R"([{"status":["failed"]}])", {.project = tenant.project.key});
  end_run(succeeded);

  expand();

  EXPECT_THAT(told(wide), ElementsAre("succeeded"));
  EXPECT_THAT(told(narrow), IsEmpty());
}

TEST_P(ExpandTest, AnotherProjectAndAnotherOrganizationAreNotTold) {
  const auto other =
      db->write([&](db::Session& session) { return testing::add_tenant(session, "other", noon); });
  const auto elsewhere = set(receiver.url(), "[]", {.project = other.project.key});
  db->write([&](db::Session& session) {
    const auto foreign = store::set_notification(session,
                                                 {.organization = other.organization.key,
                                                  .scope = {},
                                                  .recipient = receiver.url() + "3",
                                                  .filters = {}},
                                                 noon);
    ASSERT_TRUE(foreign);
  });
  end_run(failed);

  expand();

  EXPECT_THAT(told(elsewhere), IsEmpty());
  EXPECT_EQ(count("notification_deliveries"), 0);
}

TEST_P(ExpandTest, RecoveredIsASuccessAfterAFailureForThoseWhoAsk) {
  const auto asks = set(receiver.url(), R"([{"status":["recovered"]}])");
  const auto does_not = set(receiver.url() + "2");
  for (const auto status : {succeeded, timed_out, cancelled, succeeded, succeeded}) {
    end_run(status);
    clock.advance(1min);
  }

  expand();

  EXPECT_THAT(told(asks), ElementsAre("recovered"));
  EXPECT_THAT(told(does_not),
              ElementsAre("succeeded", "failed", "cancelled", "succeeded", "succeeded"));
}

TEST_P(ExpandTest, OnlyOnChangeTellsNothingThatIsAsItWas) {
  const auto on_change = set(receiver.url(), R"([{"status":["failed","recovered"]}])", {}, true);
  for (const auto status : {failed, failed, lost, succeeded, succeeded, failed}) {
    end_run(status);
    end_run(status, "", "hourly");
    end_run(status, "", "");
    clock.advance(10min);
    expand();
  }

  EXPECT_THAT(told(on_change), ElementsAre("failed", "failed", "failed", "recovered", "recovered",
                                           "recovered", "failed", "failed", "failed"));
}

TEST_P(ExpandTest, MoreThanFiveFailuresInFiveMinutesAreToldTogether) {
  const auto all = set(receiver.url());
  for (int i = 0; i < 40; ++i) {
    end_run(failed);
    clock.advance(5s);
  }
  end_run(succeeded);

  expand();

  const auto log = log_of(all);
  const auto with = [&](store::DeliveryStatus status) {
    return std::count_if(log.begin(), log.end(), [&](const store::LoggedDelivery& one) {
      return one.delivery.status == status;
    });
  };
  EXPECT_EQ(with(store::DeliveryStatus::waiting), 5 + 1 + 1);
  EXPECT_EQ(with(store::DeliveryStatus::gathered), 34);
  const auto together = std::find_if(log.begin(), log.end(), [&](const auto& one) {
    return one.delivery.status == store::DeliveryStatus::waiting &&
           one.delivery.next_at > clock.now();
  });
  ASSERT_NE(together, log.end());
  EXPECT_EQ(together->delivery.next_at, clock.now() + failures_within);
}

TEST_P(ExpandTest, WhatIsToldTogetherIsOneMessageWithAllOfThem) {
  const auto all = set(receiver.url());
  for (int i = 0; i < 8; ++i) end_run(failed, "cause " + std::to_string(i));
  expand();
  const auto notifier = new_notifier();

  ASSERT_TRUE(step_until(*notifier, [&] { return receiver.requests().size() == 5; }));
  clock.advance(failures_within);
  ASSERT_TRUE(step_until(*notifier, [&] { return receiver.requests().size() == 6; }));

  const std::string body = receiver.requests().back().body;
  EXPECT_THAT(body, ::testing::HasSubstr("3 failures"));
  for (int i = 5; i < 8; ++i) {
    EXPECT_THAT(body, ::testing::HasSubstr("cause " + std::to_string(i)));
  }
}

TEST_P(ExpandTest, AFailedDeployIsToldToThoseWhoAsk) {
  const auto asks = set(receiver.url(), R"([{"events":["deploy"]}])");
  const auto does_not = set(receiver.url() + "2");
  db->write([&](db::Session& session) {
    const auto release = store::queue_release(session, tenant.deployment, {}, noon);
    store::claim_release(session, "server", noon, 1min);
    ASSERT_TRUE(store::fail_release(session, release.key, "server", std::nullopt,
                                    "there is no meltano.yml", noon));
  });

  expand();

  ASSERT_THAT(told(asks), ElementsAre("failed"));
  EXPECT_EQ(log_of(asks)[0].event.cause, "there is no meltano.yml");
  EXPECT_THAT(told(does_not), IsEmpty());
}

TEST_P(ExpandTest, WhatIsLateIsToldOnceForEachLateness) {
  const auto asks = set(receiver.url(), R"([{"status":["late"]}])");
  db->write([&](db::Session& session) {
    const auto hourly =
        store::find_schedule(session, tenant.organization.key, tenant.deployment.key, "hourly");
    store::set_enabled(session, hourly->key, true, noon);
  });
  clock.advance(10min);
  const RunId success = end_run(succeeded, "", "hourly");
  const auto look = [&] {
    tell_late_schedules(*db, clock.now());
    expand();
  };

  look();
  clock.advance(70min);
  look();
  EXPECT_THAT(told(asks), IsEmpty());
  clock.advance(6min);
  look();
  look();
  EXPECT_THAT(told(asks), ElementsAre("late"));
  EXPECT_EQ(log_of(asks)[0].event.run, success);
  end_run(succeeded, "", "hourly");
  clock.advance(2h);
  look();

  EXPECT_THAT(told(asks), ElementsAre("late", "late"));
}

TEST_P(ExpandTest, TwoServersMakeTheMessagesOfAnEventOnce) {
  const auto all = set(receiver.url());
  for (int i = 0; i < 4; ++i) end_run(succeeded);
  const auto first = new_notifier("server-1");
  const auto second = new_notifier("server-2");

  ASSERT_TRUE(step_until(*first, [&] {
    second->step();
    return receiver.requests().size() >= 4 && first->under_way() + second->under_way() == 0;
  }));

  EXPECT_EQ(receiver.requests().size(), 4u);
  EXPECT_EQ(told(all).size(), 4u);
}

}  // namespace
}  // namespace cupola::notify
