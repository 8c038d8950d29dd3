// Credits, usage and uptime as they are asked for; the rules: src/credits, src/store.

#include "store/credits.h"

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "base/plain_json.h"
#include "base/text.h"
#include "store/usage.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* credits_path = "/api/v1/credits";
constexpr const char* entries_path = "/api/v1/credits/entries";

class ApiCreditsTest : public ApiTest {
 protected:
  /// A run of the side that ended now, of a schedule if it is named.
  RunId use(const testing::Tenant& tenant, std::chrono::milliseconds run_time = 1min,
            const std::optional<std::string>& schedule = {},
            std::optional<std::int64_t> egress_bytes = {}) {
    return db_->write([&](db::Session& db) {
      store::NewRun run = testing::new_run(tenant, clock_.now() - 30 * 24h);
      run.schedule_name = schedule;
      store::add_run(db, run, clock_.now());
      // The oldest that is due is claimed.
      const auto claimed = store::claim_runs(db, "here", 1, clock_.now());
      EXPECT_EQ(claimed.at(0).id, run.id);
      store::finish_run(db, {claimed[0].id, claimed[0].lease_token},
                        {.status = store::RunStatus::succeeded,
                         .egress_bytes = egress_bytes,
                         .run_time = run_time},
                        {}, clock_.now());
      return run.id;
    });
  }
  Answer buy(const std::string& credits, const std::string& note = "invoice 17") {
    return ask("POST", entries_path, R"({"credits":)" + credits + R"(,"note":")" + note + "\"}");
  }
  Answer run_now() {
    return ask("POST", std::string(deployment_path) + "/runs", store::Role::operator_,
               R"({"name":"hourly"})");
  }
  json::array usage(const std::string& query) {
    const Answer answer = ask("GET", "/api/v1/usage?" + query, store::Role::viewer);
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.status == 200 ? answer.object().at("usage").as_array() : json::array();
  }
};

TEST_F(ApiCreditsTest, TheBalanceIsSeenByAllAndSaysWhatIsSet) {
  use(acme_.tenant, 11min);
  ASSERT_EQ(buy("10").status, 201);
  ASSERT_EQ(ask("PATCH", credits_path, R"({"low_threshold":8.9,"stop_at_zero":true})").status, 200);

  const Answer answer = ask("GET", credits_path, store::Role::viewer);

  EXPECT_EQ(answer.text,
            R"({"balance":8.9,"bought":10,"used":1.1,"used_this_month":1.1,"used_last_month":0,)"
            R"("low":true,"stopped":false,"low_threshold":8.9,"stop_at_zero":true})");
}

TEST_F(ApiCreditsTest, SettingsThatSomebodyChangedMeanwhileAreNotOverwritten) {
  const auto tag_in = [](const Answer& answer) {
    for (const auto& [name, value] : answer.headers) {
      if (name == "ETag") return value;
    }
    return std::string();
  };
  const std::string seen = tag_in(ask("GET", credits_path));
  ASSERT_FALSE(seen.empty());
  ASSERT_EQ(ask("PATCH", credits_path, R"({"stop_at_zero":true})", {{"if-match", seen}}).status,
            200);

  const Answer late = ask("PATCH", credits_path, R"({"low_threshold":1})", {{"if-match", seen}});

  EXPECT_EQ(late.status, 412);
  const Answer now = ask("GET", credits_path);
  EXPECT_TRUE(now.object().at("low_threshold").is_null());
  EXPECT_TRUE(now.object().at("stop_at_zero").as_bool());
  EXPECT_EQ(
      ask("PATCH", credits_path, R"({"low_threshold":null})", {{"if-match", tag_in(now)}}).status,
      200);
}

TEST_F(ApiCreditsTest, PurchasesAndCorrectionsAreKeptWithWhoWhenAndWhy) {
  ASSERT_EQ(buy("520.5").status, 201);
  clock_.advance(1h);
  const Answer taken = buy("-500", "typed 520.5 for 20.5");

  ASSERT_EQ(taken.status, 201) << taken.text;
  EXPECT_THAT(taken.text, HasSubstr(R"("balance":20.5)"));
  const auto first = ask("GET", std::string(entries_path) + "?limit=1").object();
  const json::object entry = first.at("entries").as_array().at(0).as_object();
  EXPECT_EQ(text_at(entry, "kind"), "correction");
  EXPECT_EQ(text_at(entry, "note"), "typed 520.5 for 20.5");
  EXPECT_EQ(text_at(entry, "entered_by"), "acme-owner");
  EXPECT_EQ(text_at(entry, "entered_at"), "2026-11-23T04:10:00Z");
  const Answer rest = ask("GET", std::string(entries_path) + "?cursor=" + text_at(first, "next"));
  EXPECT_THAT(rest.text, HasSubstr(R"("credits":520.5)"));
  EXPECT_THAT(rest.text, HasSubstr(R"("next":null)"));
  EXPECT_THAT(ask("GET", "/api/v1/audit?kind=credits").text, HasSubstr(R"("name":"-500")"));
  EXPECT_THAT(ask_as(other_.tokens.at(store::Role::owner), "GET", entries_path).text,
              HasSubstr(R"("entries":[])"));
}

TEST_F(ApiCreditsTest, WhatIsNoAmountIsRefusedWithTheRule) {
  for (const char* body :
       {R"({})", R"({"credits":0})", R"({"credits":"5"})", R"({"credits":1.005})",
        R"({"credits":1000000000.01})", R"({"credits":1e300})", R"({"credits":-5})",
        R"({"credits":-5,"note":"  "})", R"({"credits":5,"note":"a\nb"})",
        R"({"credits":5,"note":7})", R"({"credits":5,"who":"me"})", R"({"credits":[5]})"}) {
    EXPECT_EQ(ask("POST", entries_path, body).status, 422) << body;
  }
  for (const char* body : {R"({"low_threshold":"5"})", R"({"low_threshold":0.001})",
                           R"({"stop_at_zero":"yes"})", R"({"limit":5})"}) {
    EXPECT_EQ(ask("PATCH", credits_path, body).status, 422) << body;
  }
  EXPECT_EQ(buy("5", std::string(501, 'x')).status, 422);
  EXPECT_THAT(ask("GET", entries_path).text, HasSubstr(R"("entries":[])"));
  EXPECT_THAT(ask("POST", entries_path, R"({"credits":-5})").detail(), HasSubstr("note"));
}

TEST_F(ApiCreditsTest, AtZeroARunIsRefusedWhereThatIsSetAndTheRefusalSaysHowToMendIt) {
  use(acme_.tenant);
  EXPECT_EQ(run_now().status, 201);
  ASSERT_EQ(ask("PATCH", credits_path, R"({"stop_at_zero":true})").status, 200);

  const Answer refused = run_now();

  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.detail(), HasSubstr("acme has no credits left (its balance is -1)"));
  EXPECT_THAT(text_at(refused.object(), "hint"), HasSubstr("cupola credits add"));
  ASSERT_EQ(buy("1").status, 201);
  EXPECT_EQ(run_now().status, 409);
  ASSERT_EQ(buy("0.01").status, 201);
  EXPECT_EQ(run_now().status, 201);
}

TEST_F(ApiCreditsTest, ARunShowsWhatItCostInItsParts) {
  const RunId counted = use(acme_.tenant, 12min, {}, 30'000'000);
  const RunId uncounted = use(acme_.tenant);

  const std::string run = "/api/v1/runs/";
  EXPECT_THAT(ask("GET", run + counted.text()).text,
              HasSubstr(R"("credits":1.22,"credits_base":1,"credits_run_time":0.2,)"
                        R"("credits_egress":0.02)"));
  EXPECT_THAT(
      ask("GET", run + uncounted.text()).text,
      HasSubstr(R"("credits":1,"credits_base":1,"credits_run_time":0,"credits_egress":null)"));
  EXPECT_THAT(ask("GET", run + acme_.run.text()).text, HasSubstr(R"("credits":null)"));
}

TEST_F(ApiCreditsTest, UsageIsSummedAsItIsAskedFor) {
  use(acme_.tenant, 1min, "nightly");
  use(acme_.tenant, 12min, "nightly", 2'000'000);
  use(acme_.tenant);
  use(other_.tenant);

  const auto by_schedule = usage("by=schedule");
  ASSERT_EQ(by_schedule.size(), 2U);
  EXPECT_TRUE(by_schedule[0].as_object().at("schedule").is_null());
  EXPECT_EQ(to_plain_text(by_schedule[1]),
            R"({"month":null,"day":null,"project":"acme","deployment":"acme","schedule":"nightly",)"
            R"("deleted":false,"runs":2,"credits":2.2,"credits_base":2,"credits_run_time":0.2,)"
            R"("credits_egress":0,"run_time_ms":780000,"egress_bytes":2000000})");
  EXPECT_EQ(text_at(usage("by=day").at(0).as_object(), "day"), "2026-11-23");
  EXPECT_EQ(text_at(usage("by=month").at(0).as_object(), "month"), "2026-11");
  EXPECT_EQ(number_at(usage("by=total").at(0).as_object(), "runs"), 3);
  EXPECT_EQ(number_at(usage("by=total&schedule=nightly").at(0).as_object(), "runs"), 2);
  EXPECT_EQ(usage("by=project&project=acme").size(), 1U);
  EXPECT_TRUE(usage("month=2026-10").empty());
  EXPECT_EQ(usage("since=2026-11-23&until=2026-11-24").size(), 2U);
  EXPECT_TRUE(usage("since=2026-11-24&until=2026-11-25").empty());
}

TEST_F(ApiCreditsTest, UsageComesInPagesOfOneQuestion) {
  use(acme_.tenant, 1min, "nightly");
  use(acme_.tenant);

  const json::object first = ask("GET", "/api/v1/usage?limit=1").object();
  const std::string next = text_at(first, "next");
  const Answer second = ask("GET", "/api/v1/usage?limit=1&cursor=" + next);

  EXPECT_EQ(first.at("usage").as_array().size(), 1U);
  EXPECT_THAT(second.text, HasSubstr(R"("schedule":"nightly")"));
  EXPECT_TRUE(second.object().at("next").is_null());
  EXPECT_EQ(ask("GET", "/api/v1/usage?by=day&cursor=" + next).status, 422);
  EXPECT_EQ(ask("GET", "/api/v1/uptime?cursor=" + next).status, 422);
}

TEST_F(ApiCreditsTest, QuestionsThatHaveNoAnswerAreRefused) {
  for (const char* query :
       {"by=owner", "month=November", "month=2026-13", "since=2026-11-01", "until=2026-11-01",
        "since=2026-11-02&until=2026-11-01", "since=2026-11-01&until=2026-11-01",
        "since=1990-01-01&until=2026-01-01", "month=2026-11&since=2026-11-01&until=2026-11-02",
        "since=2d&until=1d", "limit=0", "cursor=00", "who=me"}) {
    EXPECT_EQ(ask("GET", std::string("/api/v1/usage?") + query).status, 422) << query;
  }
  EXPECT_EQ(ask("GET", "/api/v1/usage?project=none").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/uptime?month=now").status, 422);
}

TEST_F(ApiCreditsTest, TheExportSaysWhoseItIsAndHoldsNoFormulas) {
  ASSERT_EQ(ask("PATCH", "/api/v1/organization",
                R"({"billing_name":"=Acme","billing_address":"1 Main St\nTown, \"A\"",)"
                R"("billing_email":"bills@acme.example"})")
                .status,
            200);
  use(acme_.tenant, 1min, "@SUM(1)");

  const Answer answer = ask("GET", "/api/v1/usage", "", {{"accept", "text/csv"}});
  const Answer seen_by_viewer =
      ask("GET", "/api/v1/usage", store::Role::viewer, "", {{"accept", "text/csv"}});

  const std::string account = acme_.tenant.organization.account_number;
  EXPECT_THAT(answer.text, StartsWith("account_number,billing_name,billing_address,"));
  EXPECT_THAT(
      answer.text,
      HasSubstr("\r\n" + account +
                ",\"'=Acme\",\"1 Main St\nTown, \"\"A\"\"\",bills@acme.example,acme,"
                "2026-11-01,2026-12-01,,,acme,acme,\"'@SUM(1)\",false,1,1,1,0,,60000,\r\n"));
  EXPECT_THAT(seen_by_viewer.text, HasSubstr("\r\n" + account + ",,,,acme,"));
  EXPECT_THAT(seen_by_viewer.text, Not(HasSubstr("bills@")));
}

TEST_F(ApiCreditsTest, ATokenOfAProjectSeesTheUsageOfThatAlone) {
  const testing::Tenant neighbour = add_neighbour();
  use(acme_.tenant);
  use(neighbour);
  const std::string token = limited_token({.project = neighbour.project.key});

  const Answer answer = ask_as(token, "GET", "/api/v1/usage?by=project");

  EXPECT_THAT(answer.text, HasSubstr(R"("project":"neighbour")"));
  EXPECT_THAT(answer.text, Not(HasSubstr(R"("project":"acme")")));
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/usage?project=acme").status, 404);
  EXPECT_EQ(ask_as(token, "GET", credits_path).status, 403);
}

TEST_F(ApiCreditsTest, UptimeCountsWhatWasDueAndMissed) {
  db_->write([&](db::Session& db) {
    const auto schedule = store::find_schedule(db, acme_.tenant.organization.key,
                                               acme_.tenant.deployment.key, "hourly");
    const Instant day = *parse_rfc3339("2026-11-22T00:00:00Z");
    for (int hour = 0; hour < 8; ++hour) {
      store::record_fire(db, {.schedule = schedule->key,
                              .nominal = day + hour * 1h,
                              .due = day + hour * 1h,
                              .outcome = hour == 3 ? store::FireOutcome::missed
                                                   : store::FireOutcome::skipped_credits,
                              .noticed_at = day});
    }
  });

  const Answer answer = ask("GET", "/api/v1/uptime?month=2026-11", store::Role::viewer);

  EXPECT_EQ(answer.text,
            R"({"uptime":[{"project":"acme","deployment":"acme","schedule":"hourly","due":8,)"
            R"("missed":1,"uptime_percent":87.5}],"month":"2026-11","next":null})");
  EXPECT_THAT(ask("GET", "/api/v1/uptime?month=2026-10").text, HasSubstr(R"("uptime":[])"));
}

}  // namespace
}  // namespace cupola::api
