// What needs no database: words, bodies, signatures, mails, waits, lateness.

#include <algorithm>

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/text.h"
#include "notify/late.h"
#include "notify/mail.h"
#include "notify/payload.h"
#include "notify/retries.h"
#include "notify/signature.h"

namespace cupola::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

store::NotificationEvent event(std::string status) {
  return {.id = store::NotificationEventId{std::string(32, 'e')},
          .organization = OrganizationKey{"o"},
          .project = ProjectKey{"p"},
          .deployment = DeploymentKey{"d"},
          .kind = "job_run",
          .status = std::move(status),
          .run = RunId{std::string(32, 'a')},
          .schedule = "daily-transforms",
          .tasks = {},
          .project_name = "acme-data",
          .deployment_name = "prod",
          .cause = "the source said no",
          .created_at = noon};
}

store::Claim claim(store::NotificationEvent of) {
  store::Claim made;
  made.delivery.id = store::DeliveryId{std::string(32, 'd')};
  made.delivery.told = of.status;
  made.event = std::move(of);
  return made;
}

std::string page_of(const store::Claim& of) {
  return body_of(message_of(of, ""), store::PayloadFormat::page);
}

TEST(PayloadTest, ThePageSaysWhatTheConceptPageSaysAndNothingElse) {
  EXPECT_EQ(page_of(claim(event("failed"))),
            R"({"id":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","event_type":"job_run",)"
            R"("idempotency_key":"dddddddddddddddddddddddddddddddd",)"
            R"("data":{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",)"
            R"("description":"daily-transforms on prod (acme-data) failed: the source said no",)"
            R"("status":"failed","cancellation_reason":null}})");
}

TEST(PayloadTest, ACancelledRunHasItsReasonInOneOfFourCodes) {
  for (const auto& [code, expected] : std::vector<std::pair<std::string, std::string>>{
           {"user", "user"},
           {"superseded", "superseded"},
           {"deployment_deleted", "deployment_deleted"},
           {"shutdown", "shutdown"},
           {"something", "user"}}) {
    auto cancelled = event("cancelled");
    cancelled.cancel_code = code;
    cancelled.cause = "stopped on request";

    const std::string body = page_of(claim(cancelled));

    EXPECT_THAT(body, HasSubstr(R"("cancellation_reason":{"code":")" + expected +
                                R"(","reason":"stopped on request"})"));
  }
}

TEST(PayloadTest, ARunOfTasksIsNamedAfterThem) {
  auto of_tasks = event("succeeded");
  of_tasks.schedule.reset();
  of_tasks.tasks = {"tap-a", "target-b"};

  EXPECT_EQ(message_of(claim(of_tasks), "").description,
            "tap-a target-b on prod (acme-data) succeeded");
}

TEST(PayloadTest, FailuresThatAreToldTogetherAreAllNamedAndTheBodyStaysSmall) {
  auto many = claim(event("failed"));
  many.event.cause = std::string(5000, '"');
  for (int i = 0; i < 150; ++i) {
    many.gathered.push_back(event("failed"));
    many.gathered.back().schedule = "schedule-" + std::to_string(i);
    many.gathered.back().cause = std::string(3000, '"');
  }

  const std::string body = page_of(many);

  EXPECT_LT(body.size(), 20'000u);
  EXPECT_THAT(body, HasSubstr("151 failures"));
  EXPECT_THAT(body, HasSubstr("schedule-19 on prod"));
  EXPECT_THAT(body, HasSubstr("and 130 more"));
}

TEST(PayloadTest, Case33NamesAreEncodedForTheirSink) {
  auto strange = event("failed");
  strange.schedule = "<!channel> [a](http://evil) \"x\"\r\n*b* <b>";
  const Message message = message_of(claim(strange), "https://cupola.example/");

  const std::string slack = body_of(message, store::PayloadFormat::slack);
  const std::string teams = body_of(message, store::PayloadFormat::teams);

  EXPECT_THAT(slack, Not(HasSubstr("<!channel>")));
  EXPECT_THAT(slack, HasSubstr("&lt;!channel&gt;"));
  EXPECT_THAT(slack, HasSubstr("<https://cupola.example/runs/" + std::string(32, 'a') + "|"));
  EXPECT_THAT(teams, Not(HasSubstr("[a](http")));
  EXPECT_TRUE(parse_json(teams));
  EXPECT_TRUE(parse_json(body_of(message, store::PayloadFormat::page)));
  EXPECT_THAT(message.description, Not(HasSubstr("\n")));
  EXPECT_THAT(message.description, Not(HasSubstr("\r")));
}

TEST(PayloadTest, AnIncidentOfPagerdutyIsResolvedByTheNextSuccess) {
  const auto of = [](const char* status) {
    return parse_json(body_of(message_of(claim(event(status)), ""), store::PayloadFormat::pagerduty,
                              "KEY"))
        .value()
        .as_object();
  };

  const json::object failed = of("failed");
  const json::object succeeded = of("succeeded");

  EXPECT_EQ(text_at(failed, "routing_key"), "KEY");
  EXPECT_EQ(text_at(failed, "event_action"), "trigger");
  EXPECT_EQ(text_at(succeeded, "event_action"), "resolve");
  EXPECT_EQ(text_at(failed, "dedup_key"), text_at(succeeded, "dedup_key"));
}

TEST(SignatureTest, IsThatOfTheStandardsExample) {
  const Secret secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

  EXPECT_EQ(
      signature_of(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(SignatureTest, SecretsAreOfTheirFormAndNeverTheSame) {
  const Secret one = new_webhook_secret();
  const Secret other = new_webhook_secret();

  EXPECT_TRUE(one.reveal().starts_with("whsec_"));
  EXPECT_EQ(one.reveal().size(), 6u + 44u);
  EXPECT_NE(one.reveal(), other.reveal());
  EXPECT_THROW(signature_of(Secret("nonsense"), "id", 0, ""), Failure);
}

TEST(RetriesTest, Case15TheWaitsAreThoseOfThePageAndATenthMoreOrLess) {
  constexpr std::chrono::milliseconds expected[] = {0s, 5s,  5min, 30min, 2h,
                                                    5h, 10h, 14h,  20h,   24h};
  std::chrono::milliseconds least = 24h;
  std::chrono::milliseconds most{0};
  for (int delivery = 0; delivery < 1000; ++delivery) {
    const std::string id = std::to_string(delivery);
    for (int tries = 0; tries < most_tries; ++tries) {
      const auto wait = wait_before_try(id, tries);

      ASSERT_TRUE(wait);
      EXPECT_LE(std::chrono::abs(*wait - expected[tries]), expected[tries] / 10) << tries;
      EXPECT_EQ(wait, wait_before_try(id, tries));
    }
    least = std::min(least, *wait_before_try(id, 9));
    most = std::max(most, *wait_before_try(id, 9));
  }
  EXPECT_FALSE(wait_before_try("x", most_tries));
  EXPECT_LT(least, 22h);
  EXPECT_GT(most, 26h);
}

TEST(RetriesTest, Case15RetryAfterIsReadInBothFormsAndNeverLongerThanADay) {
  EXPECT_EQ(retry_after("7", noon), 7s);
  EXPECT_EQ(retry_after(" 120 ", noon), 2min);
  EXPECT_EQ(retry_after("999999", noon), 24h);
  EXPECT_EQ(retry_after("99999999999999999999", noon), 24h);
  EXPECT_EQ(retry_after("Wed, 04 Oct 2024 12:00:30 GMT", noon - 24h * 20000), 24h);
  EXPECT_EQ(retry_after("Thu, 04 Oct 2024 12:00:30 GMT", *parse_rfc3339("2024-10-04T12:00:00Z")),
            30s);
  EXPECT_EQ(retry_after("Thu, 04 Oct 2024 12:00:30 GMT", *parse_rfc3339("2024-10-04T13:00:00Z")),
            0s);
  for (const char* text : {"", "soon", "-5", "5s", "1.5", "04 Oct 2024"}) {
    EXPECT_FALSE(retry_after(text, noon)) << text;
  }
}

store::AfterAttempt after(int status, net::Headers headers = {}, int tries = 0,
                          std::string error = "") {
  return after_webhook({.id = store::DeliveryId{"x"}, .tries = tries},
                       {.status = status, .headers = std::move(headers), .error = std::move(error)},
                       false, noon);
}

TEST(RetriesTest, Case15WhatAnAnswerMeans) {
  EXPECT_EQ(after(200).status, store::DeliveryStatus::delivered);
  EXPECT_EQ(after(204).status, store::DeliveryStatus::delivered);
  for (const int status : {301, 302, 307, 400, 404, 429, 500, 503, 101, 0}) {
    EXPECT_EQ(after(status).status, store::DeliveryStatus::waiting) << status;
  }
  EXPECT_EQ(after(200, {}, 0, "it broke off").status, store::DeliveryStatus::waiting);
  EXPECT_EQ(after(410).status, store::DeliveryStatus::failed);
  EXPECT_TRUE(after(410).deactivated);
  EXPECT_FALSE(after(404).deactivated);
  EXPECT_EQ(after(500, {}, 8).status, store::DeliveryStatus::waiting);
  EXPECT_EQ(after(500, {}, 9).status, store::DeliveryStatus::failed);
  EXPECT_EQ(after(429, {{"retry-after", "60"}}).next_at, noon + 1min);
  EXPECT_EQ(after(429, {{"retry-after", "60"}}).held_until, noon + 1min);
  EXPECT_GT(*after(429, {{"retry-after", "0"}}).next_at, noon + 4s);
  EXPECT_GT(*after(503, {{"retry-after", "10"}}, 1).next_at, noon + 4min);
}

TEST(RetriesTest, AMailThatIsRefusedForGoodIsNotTriedAgain) {
  const auto after_smtp = [](int status) {
    return after_mail({.id = store::DeliveryId{"x"}}, {.status = status, .error = "no"}, false,
                      noon)
        .status;
  };
  EXPECT_EQ(after_smtp(550), store::DeliveryStatus::failed);
  EXPECT_EQ(after_smtp(451), store::DeliveryStatus::waiting);
  EXPECT_EQ(after_smtp(535), store::DeliveryStatus::waiting);
  EXPECT_EQ(after_smtp(0), store::DeliveryStatus::waiting);
}

TEST(MailTest, Case33AnAddressIsAPlainOneOrNone) {
  for (const char* address :
       {"ada@example.com", "a.b+c@mail.example.co", "x@localhost", "o'b@e.ie"}) {
    EXPECT_TRUE(check_address(address)) << address;
  }
  for (const std::string address : {"",
                                    "ada",
                                    "@example.com",
                                    "ada@",
                                    "ada@example",
                                    "a b@example.com",
                                    "ada@exam ple.com",
                                    "ada@example.com,eve@example.com",
                                    "<ada@example.com>",
                                    "Ada <ada@example.com>",
                                    "ada@example.com\r\nBcc: eve@example.com",
                                    "ada\n@example.com",
                                    "\"a\"@example.com",
                                    "ada@[127.0.0.1]",
                                    "a..b@example.com",
                                    ".a@example.com",
                                    "ada@-x.com",
                                    "ada@x..com",
                                    "ädä@example.com",
                                    "ada(x)@example.com",
                                    "a@b@example.com"}) {
    EXPECT_FALSE(check_address(address)) << address;
  }
  EXPECT_FALSE(check_address(std::string_view("ada@example.com\0", 16)));
  EXPECT_FALSE(check_address(std::string(65, 'a') + "@example.com"));
}

TEST(MailTest, ASenderHasANameOrNot) {
  EXPECT_EQ(parse_sender("Cupola <c@example.com>")->name, "Cupola");
  EXPECT_EQ(parse_sender("Cupola <c@example.com>")->address, "c@example.com");
  EXPECT_EQ(parse_sender("c@example.com")->address, "c@example.com");
  EXPECT_FALSE(parse_sender("Cupola"));
  EXPECT_FALSE(parse_sender("Cupola\r\nBcc: x <c@example.com>"));
}

TEST(MailTest, Case33NoNameMakesAHeaderOfItsOwn) {
  auto strange = event("failed");
  strange.schedule = "daily\r\nBcc: eve@example.com\r\n\r\n<script>ü";
  strange.cause = "</p><img src=x onerror=alert(1)>\r\n.\r\nMAIL FROM:<eve@example.com>";

  const std::string text =
      mail_text(message_of(claim(strange), "https://cupola.example"),
                {.name = "Cupola, Inc", .address = "c@example.com"}, "ada@example.com", noon);

  const std::string head = text.substr(0, text.find("\r\n\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Bcc")));
  EXPECT_THAT(head, HasSubstr("From: =?utf-8?B?"));
  EXPECT_THAT(head, HasSubstr("To: ada@example.com\r\n"));
  EXPECT_THAT(head, HasSubstr("Subject: =?utf-8?B?"));
  EXPECT_THAT(text, Not(HasSubstr("MAIL FROM")));
  EXPECT_THAT(text, Not(HasSubstr("<script>")));
  for (const auto line : split(text, '\n')) EXPECT_TRUE(line.empty() || line.ends_with('\r'));
}

TEST(MailTest, EncodedWordsAreShortAndCutNoCharacter) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ü";

  const std::string encoded = encode_header(text);

  for (const auto line : split(encoded, '\n')) EXPECT_LE(line.size(), 77u);
  EXPECT_EQ(encode_header("plain text"), "plain text");
  EXPECT_NE(encode_header("=?utf-8?B?eA==?="), "=?utf-8?B?eA==?=");
  EXPECT_EQ(escape_html("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
}

cron::Timing timing(const char* interval) {
  return {.expression = *cron::Expression::parse(interval), .offset = std::chrono::minutes{3}};
}

TEST(LateTest, AfterItsPeriodAndAQuarterOfIt) {
  const Instant success = *parse_rfc3339("2026-11-23T10:20:00Z");

  EXPECT_EQ(late_at(timing("0 * * * *"), success), success + 75min);
  EXPECT_EQ(late_at(timing("*/10 * * * *"), success), success + 15min);
  EXPECT_EQ(late_at(timing("0 9 * * *"), success), success + 30h);
  EXPECT_FALSE(late_at(timing("@manual"), success));
}

TEST(LateTest, TheWeekendIsNotLateForWhatRunsOnWeekdays) {
  const Instant friday = *parse_rfc3339("2026-11-27T09:20:00Z");

  const auto late = late_at(timing("0 9 * * 1-5"), friday);

  ASSERT_TRUE(late);
  EXPECT_EQ(*late, friday + 72h + 6h);
}

TEST(LateTest, WithoutASuccessThePeriodBeginsWithTheFirstFire) {
  const Instant since = *parse_rfc3339("2026-11-23T10:20:00Z");

  EXPECT_EQ(late_at_without_success(timing("0 * * * *"), since),
            *parse_rfc3339("2026-11-23T11:03:00Z") + 75min);
}

}  // namespace
}  // namespace cupola::notify
