#include "notify/notifier.h"

#include <gmock/gmock.h>

#include "notify/notify_test.h"
#include "notify/retries.h"
#include "notify/signature.h"

namespace cupola::notify {
namespace {

using enum store::RunStatus;
using store::DeliveryStatus;
using testing::http_answer;

class NotifierTest : public NotifyTest {
 protected:
  DeliveryStatus status_of(const store::Notification& notification) {
    return log_of(notification).at(0).delivery.status;
  }
  bool attempts_are(Notifier& notifier, const store::Notification& notification, int count) {
    return step_until(notifier, [&] {
      const auto log = log_of(notification);
      return !log.empty() && log[0].delivery.attempts == count;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(On, NotifierTest, testing::databases());

TEST_P(NotifierTest, AMessageIsSignedAndDelivered) {
  const auto notification = set(receiver.url());
  end_run(failed, "the source said no");
  const auto notifier = new_notifier();

  ASSERT_TRUE(attempts_are(*notifier, notification, 1));

  ASSERT_EQ(receiver.requests().size(), 1u);
  const auto request = receiver.requests()[0];
  const auto log = log_of(notification)[0];
  EXPECT_EQ(log.delivery.status, DeliveryStatus::delivered);
  EXPECT_EQ(log.attempts.at(0).status_code, 204);
  EXPECT_EQ(request.header("webhook-id"), log.delivery.id.text());
  EXPECT_EQ(request.header("webhook-timestamp"), std::to_string(to_milliseconds(noon) / 1000));
  EXPECT_EQ(request.header("webhook-signature"),
            signature_of(*store::secret_of(*vault, notification), log.delivery.id.text(),
                         to_milliseconds(noon) / 1000, request.body));
}

TEST_P(NotifierTest, Case15TheScheduleOfAttemptsIsExactAndTheIdTheSame) {
  const auto notification = set(receiver.url());
  end_run(failed);
  const auto notifier = new_notifier();
  receiver.answer_with(std::vector<std::string>(most_tries, http_answer(500)));
  Instant last = clock.now();

  for (int tries = 1; tries < most_tries; ++tries) {
    ASSERT_TRUE(attempts_are(*notifier, notification, tries));
    const auto delivery = log_of(notification)[0].delivery;
    ASSERT_EQ(delivery.next_at, last + *wait_before_try(delivery.id.text(), tries));
    clock.set(*delivery.next_at - 1ms);
    notifier->step();
    ASSERT_EQ(receiver.requests().size(), static_cast<std::size_t>(tries));
    clock.set(*delivery.next_at);
    last = clock.now();
  }
  ASSERT_TRUE(attempts_are(*notifier, notification, most_tries));

  EXPECT_EQ(status_of(notification), DeliveryStatus::failed);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), static_cast<std::size_t>(most_tries));
  for (const auto& request : requests) {
    EXPECT_EQ(request.header("webhook-id"), requests[0].header("webhook-id"));
    EXPECT_EQ(request.body, requests[0].body);
  }
  EXPECT_NEAR(static_cast<double>((last - noon).count()) / 3'600'000, 75.6, 7.6);
}

TEST_P(NotifierTest, Case15RetryAfterHoldsAllThatGoesToTheRecipient) {
  const auto notification = set(receiver.url());
  end_run(failed);
  const auto notifier = new_notifier();
  receiver.answer_with({http_answer(429, "Retry-After: 60\r\n")});
  ASSERT_TRUE(attempts_are(*notifier, notification, 1));
  end_run(succeeded);

  clock.advance(59s);
  for (int i = 0; i < 5; ++i) notifier->step();
  EXPECT_EQ(receiver.requests().size(), 1u);
  clock.advance(1s);

  EXPECT_TRUE(step_until(*notifier, [&] { return receiver.requests().size() == 3; }));
}

TEST_P(NotifierTest, Case15GoneSwitchesTheNotificationOffAndDropsWhatWaits) {
  const auto notification = set(receiver.url());
  const auto notifier = new_notifier();
  receiver.answer_with({http_answer(410)});
  end_run(failed);
  end_run(failed);

  ASSERT_TRUE(step_until(*notifier, [&] { return !now_of(notification).active; }));
  end_run(failed);
  notifier->step();

  EXPECT_EQ(receiver.requests().size(), 1u);
  const auto log = log_of(notification);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].delivery.status, DeliveryStatus::dropped);
  EXPECT_EQ(log[1].delivery.status, DeliveryStatus::failed);
  EXPECT_THAT(*now_of(notification).inactive_reason, ::testing::HasSubstr("410"));
}

TEST_P(NotifierTest, Case15ARedirectIsAFailureAndNotFollowed) {
  const auto notification = set(receiver.url());
  const auto notifier = new_notifier();
  receiver.answer_with({http_answer(302, "Location: " + receiver.url() + "/other\r\n")});
  end_run(failed);

  ASSERT_TRUE(attempts_are(*notifier, notification, 1));

  EXPECT_EQ(receiver.requests().size(), 1u);
  EXPECT_EQ(status_of(notification), DeliveryStatus::waiting);
  EXPECT_THAT(*log_of(notification)[0].attempts[0].error, ::testing::HasSubstr("302"));
}

TEST_P(NotifierTest, Case15ASilentReceiverDelaysNobodyElse) {
  testing::Receiver silent;
  silent.answer_with({""});
  const auto slow = set(silent.url());
  const auto quick = set(receiver.url());
  for (int i = 0; i < 5; ++i) end_run(succeeded);
  const auto notifier = new_notifier();

  ASSERT_TRUE(step_until(*notifier, [&] { return receiver.requests().size() == 5; }));

  EXPECT_EQ(silent.requests().size(), 1u) << "one message at a time to each";
  EXPECT_EQ(notifier->under_way(), 1u);
  EXPECT_EQ(log_of(slow).size(), 5u);
  EXPECT_EQ(log_of(quick).size(), 5u);
}

TEST_P(NotifierTest, AnotherServerTakesOverWhatOneHeldTooLong) {
  testing::Receiver silent;
  silent.answer_with({""});
  const auto notification = set(silent.url());
  end_run(failed);
  auto first = new_notifier("server-1");
  ASSERT_TRUE(step_until(*first, [&] { return silent.requests().size() == 1; }));
  const auto second = new_notifier("server-2");
  second->step();
  ASSERT_EQ(silent.requests().size(), 1u);

  clock.advance(3min);

  ASSERT_TRUE(attempts_are(*second, notification, 1));
  EXPECT_EQ(silent.requests()[0].header("webhook-id"), silent.requests()[1].header("webhook-id"));
}

TEST_P(NotifierTest, WhatAServerHeldWhenItDiedItTakesUpAtOnce) {
  const auto notification = set(receiver.url());
  end_run(failed);
  expand();
  const auto held = db->write([&](db::Session& session) {
    return store::claim_recipients(session, "server-1", 10, noon, noon + 24h);
  });
  ASSERT_EQ(held.size(), 1u);
  const auto other = new_notifier("server-2");
  other->step();
  ASSERT_TRUE(receiver.requests().empty());

  const auto notifier = new_notifier("server-1");

  EXPECT_TRUE(attempts_are(*notifier, notification, 1));
}

TEST_P(NotifierTest, AStaleClaimWritesNothing) {
  const auto notification = set(receiver.url());
  end_run(failed);
  expand();
  const auto claim = [&](const char* worker, Instant now) {
    return db->write([&](db::Session& session) {
      return store::claim_recipients(session, worker, 10, now, now + 1min);
    });
  };
  const auto first = claim("server-1", noon);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_TRUE(claim("server-2", noon + 30s).empty());
  const auto second = claim("server-2", noon + 2min);
  ASSERT_EQ(second.size(), 1u);

  const auto finish = [&](const store::Claim& held) {
    return db->write([&](db::Session& session) {
      return store::finish_attempt(session, held, {.started_at = noon}, {}, noon + 3min);
    });
  };
  EXPECT_FALSE(finish(first[0]));
  EXPECT_EQ(status_of(notification), DeliveryStatus::waiting);
  EXPECT_TRUE(finish(second[0]));
  EXPECT_FALSE(finish(second[0]));
  EXPECT_EQ(log_of(notification)[0].attempts.size(), 1u);
}

TEST_P(NotifierTest, Case32AnInnerReceiverIsNotDialled) {
  const auto notification = set(receiver.url());
  end_run(failed);
  Options options;
  options.worker = "server-1";
  Notifier notifier({.database = *db, .vault = *vault, .clock = clock}, std::move(options));

  ASSERT_TRUE(attempts_are(notifier, notification, 1));

  EXPECT_TRUE(receiver.requests().empty());
  EXPECT_THAT(*log_of(notification)[0].attempts[0].error, ::testing::HasSubstr("inner address"));
}

TEST_P(NotifierTest, ATestIsTriedOnce) {
  const auto notification = set(receiver.url());
  receiver.answer_with({http_answer(500)});
  db->write([&](db::Session& session) {
    ASSERT_TRUE(store::add_test(session, notification, "ada", clock.now()));
  });
  const auto notifier = new_notifier();

  ASSERT_TRUE(attempts_are(*notifier, notification, 1));

  EXPECT_EQ(status_of(notification), DeliveryStatus::failed);
  EXPECT_THAT(receiver.requests()[0].body, ::testing::HasSubstr(R"("event_type":"test")"));
}

TEST_P(NotifierTest, AReplayIsTheSameMessageOnceMore) {
  const auto notification = set(receiver.url());
  end_run(failed);
  const auto notifier = new_notifier();
  ASSERT_TRUE(attempts_are(*notifier, notification, 1));
  const auto id = log_of(notification)[0].delivery.id;

  db->write([&](db::Session& session) {
    ASSERT_TRUE(
        store::replay_delivery(session, tenant.organization.key, notification.id, id, clock.now()));
  });
  ASSERT_TRUE(attempts_are(*notifier, notification, 2));

  EXPECT_EQ(receiver.requests()[0].body, receiver.requests()[1].body);
  EXPECT_EQ(receiver.requests()[1].header("webhook-id"), id.text());
  EXPECT_EQ(log_of(notification)[0].attempts.size(), 2u);
}

TEST_P(NotifierTest, AMailWithoutAMailServerSaysSoAndWaits) {
  const auto notification = db->write([&](db::Session& session) {
    return store::set_notification(session,
                                   {.organization = tenant.organization.key,
                                    .scope = {},
                                    .type = store::NotificationType::email,
                                    .recipient = "ada@example.com",
                                    .filters = {}},
                                   noon)
        ->notification;
  });
  end_run(failed);
  const auto notifier = new_notifier();

  ASSERT_TRUE(attempts_are(*notifier, notification, 1));

  EXPECT_EQ(status_of(notification), DeliveryStatus::waiting);
  EXPECT_THAT(*log_of(notification)[0].attempts[0].error, ::testing::HasSubstr("--smtp-url"));
}

TEST_P(NotifierTest, OldMessagesGoWithTheirLogAndWaitingOnesStay) {
  const auto notification = set(receiver.url());
  receiver.answer_with({http_answer(204), http_answer(500)});
  const auto notifier = new_notifier();
  end_run(succeeded);
  ASSERT_TRUE(step_until(*notifier, [&] { return receiver.requests().size() == 1; }));
  ASSERT_TRUE(attempts_are(*notifier, notification, 1));
  clock.advance(1s);
  end_run(failed);
  ASSERT_TRUE(step_until(*notifier, [&] { return receiver.requests().size() == 2; }));
  ASSERT_TRUE(attempts_are(*notifier, notification, 1));

  const auto gone = db->write([&](db::Session& session) {
    return store::delete_old_events(session, tenant.organization.key, clock.now() + 1h, 100);
  });

  EXPECT_EQ(gone, 1);
  ASSERT_EQ(log_of(notification).size(), 1u);
  EXPECT_EQ(status_of(notification), DeliveryStatus::waiting);
}

TEST_P(NotifierTest, WhatIsDeletedWhileItIsSentIsDeleted) {
  testing::Receiver silent;
  silent.answer_with({""});
  const auto notification = set(silent.url());
  end_run(failed);
  const auto notifier = new_notifier();
  ASSERT_TRUE(step_until(*notifier, [&] { return silent.requests().size() == 1; }));

  db->write([&](db::Session& session) {
    ASSERT_TRUE(store::delete_notification(session, tenant.organization.key, notification.id));
  });
  notifier->stop();

  EXPECT_EQ(count("notification_deliveries"), 0);
}

}  // namespace
}  // namespace cupola::notify
