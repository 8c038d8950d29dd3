// Notifications through the API: what may be set, what is shown to whom, tests and replays.

#include <gmock/gmock.h>

#include "api/api_test.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class NotificationsApiTest : public ApiTest {
 protected:
  const std::string all = "/api/v1/notifications";
  std::string own() { return all + "/" + acme_.notification.text(); }
};

TEST_F(NotificationsApiTest, AWebhookIsSetAndItsSecretShownOnce) {
  const Answer made =
      ask("POST", all,
          R"({"type":"webhook","recipient":"https://x.example/hook","project":"acme",)"
          R"("filters":[{"status":["failed"],"schedules":["hourly"]}],"only_on_change":true})");

  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_THAT(text_at(made.object(), "secret"), HasSubstr("whsec_"));
  EXPECT_EQ(text_at(made.object(), "project"), "acme");
  EXPECT_EQ(text_at(made.object(), "status"), "active");
  const Answer seen = ask("GET", all + "/" + text_at(made.object(), "id"));
  EXPECT_THAT(seen.text, Not(HasSubstr("secret")));
  EXPECT_THAT(seen.text, HasSubstr(R"("filters":[{"status":["failed"],"schedules":["hourly"]}])"));
}

TEST_F(NotificationsApiTest, ASecondSetChangesTheOneOfTheScopeAndKeepsItsSecret) {
  const std::string body = R"({"type":"webhook","recipient":"https://x.example/hook")";
  const Answer first = ask("POST", all, body + "}");
  const Answer second = ask("POST", all, body + R"(,"only_on_change":true})");
  const Answer elsewhere = ask("POST", all, body + R"(,"project":"acme"})");

  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 200) << second.text;
  EXPECT_EQ(text_at(second.object(), "id"), text_at(first.object(), "id"));
  EXPECT_TRUE(flag_at(second.object(), "only_on_change"));
  EXPECT_FALSE(second.object().contains("secret"));
  EXPECT_EQ(elsewhere.status, 201);
  const Answer audit = ask("GET", "/api/v1/audit?kind=notification");
  const json::array& entries = audit.object().at("audit").as_array();
  const json::object& again = entries[1].as_object();
  EXPECT_FALSE(flag_at(again.at("before").as_object(), "only_on_change"));
  EXPECT_TRUE(flag_at(again.at("after").as_object(), "only_on_change"));
  EXPECT_TRUE(entries[2].as_object().at("before").is_null());
}

TEST_F(NotificationsApiTest, WhatIsFaultyIsRefusedNamingTheFieldAndNothingIsKept) {
  const std::string before = ask("GET", all).text;
  const std::string hook = R"("type":"webhook","recipient":"https://x.example/hook")";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{}", "\"type\""},
      {R"({"type":"pigeon","recipient":"x"})", "\"type\""},
      {R"({"type":"webhook"})", "\"recipient\""},
      {R"({"type":"webhook","recipient":"ftp://x"})", "\"recipient\""},
      {R"({"type":"email","recipient":"ada"})", "\"recipient\""},
      {R"({"type":"email","recipient":"ada@example.com\r\nBcc: eve@example.com"})",
       "\"recipient\""},
      {R"({"type":"email","recipient":"ada@example.com","format":"slack"})", "\"format\""},
      {"{" + hook + R"(,"filters":{}})", "\"filters\""},
      {"{" + hook + R"(,"filters":["failed"]})", "filters[0]"},
      {"{" + hook + R"(,"filters":[{},{"status":[]}]})", "filters[1].status is empty"},
      {"{" + hook + R"(,"filters":[{"events":[]}]})", "filters[0].events is empty"},
      {"{" + hook + R"(,"filters":[{"status":["Failed"]}]})", "'Failed'"},
      {"{" + hook + R"(,"filters":[{"stati":["failed"]}]})", "'stati'"},
      {"{" + hook + R"(,"format":"telegram"})", "\"format\""},
      {"{" + hook + R"(,"format":"pagerduty"})", "\"routing_key\""},
      {"{" + hook + R"(,"routing_key":"R"})", "\"routing_key\""},
      {"{" + hook + R"(,"project":"nothing"})", "'nothing'"},
      {"{" + hook + R"(,"deployment":"acme"})", "\"project\""},
      {"{" + hook + R"(,"project":"other"})", "'other'"},
      {"{" + hook + R"(,"colour":"red"})", "'colour'"},
  };
  for (const auto& [body, expected] : cases) {
    const Answer answer = ask("POST", all, body);

    EXPECT_GE(answer.status, 400) << body;
    EXPECT_LT(answer.status, 500) << body;
    EXPECT_THAT(answer.detail(), HasSubstr(expected)) << body;
  }
  EXPECT_EQ(ask("GET", all).text, before);
}

TEST_F(NotificationsApiTest, ThePathOfAUrlIsForThoseWhoMayChangeIt) {
  EXPECT_THAT(ask("GET", all, store::Role::maintainer).text,
              HasSubstr("https://hooks.example/acme-inner"));
  EXPECT_THAT(ask("GET", all, store::Role::operator_).text,
              HasSubstr("\"https://hooks.example/…\""));
  EXPECT_THAT(ask("GET", own(), store::Role::viewer).text, Not(HasSubstr("acme-inner")));
}

TEST_F(NotificationsApiTest, ItIsSwitchedOffAndOnAndGivenANewSecret) {
  const Answer off = ask("PATCH", own(), R"({"status":"inactive"})");
  const Answer test = ask("POST", own() + "/test");
  const Answer on = ask("PATCH", own(), R"({"status":"active","new_secret":true})");

  EXPECT_EQ(text_at(off.object(), "status"), "inactive") << off.text;
  EXPECT_THAT(text_at(off.object(), "inactive_reason"), HasSubstr("acme-owner"));
  EXPECT_EQ(test.status, 409);
  EXPECT_EQ(text_at(on.object(), "status"), "active");
  EXPECT_THAT(text_at(on.object(), "secret"), HasSubstr("whsec_"));
  EXPECT_EQ(ask("PATCH", own(), R"({"status":"on"})").status, 422);
  EXPECT_EQ(ask("PATCH", own(), R"({"recipient":"http://x"})").status, 422);
}

TEST_F(NotificationsApiTest, ARecipientThatIsTakenIsAConflict) {
  const Answer made =
      ask("POST", all, R"({"type":"webhook","recipient":"https://x.example/hook"})");

  const Answer answer = ask("PATCH", own(), R"({"recipient":"https://x.example/hook"})");

  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(answer.status, 409) << answer.text;
}

TEST_F(NotificationsApiTest, ATestIsDueAtOnceAndNotTwiceInTenSeconds) {
  const Answer first = ask("POST", own() + "/test");
  const Answer second = ask("POST", own() + "/test");
  clock_.advance(11s);
  const Answer third = ask("POST", own() + "/test");

  EXPECT_EQ(first.status, 202) << first.text;
  EXPECT_EQ(text_at(first.object(), "event_type"), "test");
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(third.status, 202);
  EXPECT_EQ(notifier_woken_, 3);
}

TEST_F(NotificationsApiTest, DeliveriesComeNewestFirstInPages) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(ask("POST", own() + "/test").status, 202);
    clock_.advance(20s);
  }
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const Answer page =
        ask("GET", own() + "/deliveries?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(page.status, 200) << page.text;
    for (const auto& item : page.object().at("deliveries").as_array()) {
      seen.push_back(text_at(item.as_object(), "created_at"));
    }
    cursor = text_at(page.object(), "next");
  } while (!cursor.empty());

  ASSERT_EQ(seen.size(), 5u);
  EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
  EXPECT_EQ(ask("GET", own() + "/deliveries?cursor=zz").status, 422);
}

TEST_F(NotificationsApiTest, AReplayMakesADeliveryDueAgain) {
  const std::string delivery = own() + "/deliveries/" + acme_.delivery.text();

  const Answer replayed = ask("POST", delivery + "/replay");

  EXPECT_EQ(replayed.status, 202) << replayed.text;
  EXPECT_EQ(text_at(replayed.object(), "status"), "waiting");
  EXPECT_EQ(text_at(replayed.object(), "next_at"), to_rfc3339(clock_.now()));
  EXPECT_EQ(ask("POST", own() + "/deliveries/none/replay").status, 404);
}

TEST_F(NotificationsApiTest, ItOutlivesItsProjectUntilItHasToldOfTheLastRun) {
  const Answer made = ask(
      "POST", all, R"({"type":"webhook","recipient":"https://x.example/hook","project":"acme"})");
  ASSERT_EQ(made.status, 201);
  db_->write([&](db::Session& db) {
    const auto stopped =
        store::request_stop(db, acme_.tenant.organization.key, acme_.run, "user", clock_.now());
    ASSERT_TRUE(stopped);
  });

  ASSERT_EQ(ask("DELETE", "/api/v1/projects/acme").status, 204);

  EXPECT_EQ(ask("GET", all + "/" + text_at(made.object(), "id")).status, 200);
  EXPECT_EQ(ask("GET", all).status, 200);
}

}  // namespace
}  // namespace cupola::api
