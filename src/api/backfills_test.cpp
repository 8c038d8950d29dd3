// Backfills through the API.

#include "store/backfills.h"

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "store/audit.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;

class ApiBackfillsTest : public ApiTest {
 protected:
  Answer start(const std::string& body, const std::string& schedule = "hourly") {
    return ask("POST", std::string(deployment_path) + "/schedules/" + schedule + "/backfills",
               store::Role::operator_, body);
  }
  json::array runs() {
    return ask("GET", "/api/v1/runs?schedule=hourly").object().at("runs").as_array();
  }
};

TEST_F(ApiBackfillsTest, IsStartedSeenAndStopped) {
  const Answer answer = start(R"({"since":"2026-11-23","until":"2026-11-23T02:30:00Z"})");

  ASSERT_EQ(answer.status, 201) << answer.text;
  EXPECT_EQ(runner_woken_, 1);
  EXPECT_EQ(number_at(answer.object(), "number"), 2);
  const json::array& intervals = answer.object().at("intervals").as_array();
  ASSERT_EQ(intervals.size(), 2u);
  EXPECT_EQ(text_at(intervals[0].as_object(), "start"), "2026-11-23T00:00:00Z");
  EXPECT_EQ(text_at(intervals[0].as_object(), "status"), "open");
  EXPECT_EQ(text_at(intervals[1].as_object(), "end"), "2026-11-23T02:00:00Z");
  ASSERT_EQ(runs().size(), 1u);
  const json::object run = runs()[0].as_object();
  EXPECT_EQ(text_at(run, "trigger"), "backfill");
  EXPECT_EQ(number_at(run, "backfill"), 2);
  EXPECT_EQ(text_at(run, "interval_start"), "2026-11-23T00:00:00Z");
  EXPECT_EQ(text_at(run, "interval_end"), "2026-11-23T01:00:00Z");

  const Answer stopped =
      ask("POST", std::string(deployment_path) + "/backfills/2/stop", store::Role::operator_);
  ASSERT_EQ(stopped.status, 200) << stopped.text;
  EXPECT_EQ(text_at(stopped.object(), "status"), "stopped");
  EXPECT_EQ(text_at(stopped.object(), "cause"), "stopped by acme-operator");
  EXPECT_EQ(json::serialize(stopped.object().at("counts")),
            R"({"waiting":0,"open":0,"succeeded":0,"failed":0,"cancelled":1,"dropped":1})");
  EXPECT_EQ(ask("POST", std::string(deployment_path) + "/backfills/2/stop").status, 409);

  const auto listed = ask("GET", std::string(deployment_path) + "/backfills?limit=1").object();
  EXPECT_EQ(number_at(listed.at("backfills").as_array().at(0).as_object(), "number"), 2);
  const auto more = ask("GET", std::string(deployment_path) +
                                   "/backfills?limit=1&cursor=" + text_at(listed, "next"))
                        .object();
  EXPECT_EQ(number_at(more.at("backfills").as_array().at(0).as_object(), "number"), 1);
  const auto audit = db_->read([&](db::Session& db) {
    return store::list_audit(db, acme_.tenant.organization.key, {.kind = "backfill"}, 10);
  });
  ASSERT_EQ(audit.size(), 2u);
  EXPECT_EQ(audit[0].action, "backfill.stop");
  EXPECT_EQ(audit[1].thing_id, "2");
}

TEST_F(ApiBackfillsTest, ADryRunShowsAndChangesNothing) {
  const Answer answer =
      start(R"({"since":"2026-11-22","limit":2,"order":"newest","dry_run":true})");

  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(text_at(answer.object(), "status"), "planned");
  EXPECT_TRUE(answer.object().at("number").is_null());
  const json::array& intervals = answer.object().at("intervals").as_array();
  ASSERT_EQ(intervals.size(), 2u);
  EXPECT_EQ(text_at(intervals[0].as_object(), "start"), "2026-11-23T02:00:00Z");
  EXPECT_TRUE(runs().empty());
  EXPECT_EQ(runner_woken_, 0);
  EXPECT_EQ(ask("GET", std::string(deployment_path) + "/backfills/2").status, 404);
}

TEST_F(ApiBackfillsTest, WithoutATemplateItIsRefusedAndToldHowToAddOne) {
  const Answer answer = start(R"({"since":"2026-11-22"})", "nightly");

  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(answer.detail(), HasSubstr("go on from the one bookmark"));
  EXPECT_THAT(answer.text, HasSubstr("state_id_suffix: backfill"));
  EXPECT_THAT(start(R"({"since":"2026-11-22"})", "legacy").detail(),
              HasSubstr("extractor and loader form"));
}

TEST_F(ApiBackfillsTest, WhatIsWrongIsRefusedAndNamed) {
  struct Case {
    const char* body;
    const char* told;
  };
  for (const auto& [body, told] :
       {Case{"{}", "\"since\""}, Case{R"({"since":"soon"})", "which is no time"},
        Case{R"({"since":"2027-01-01"})", "not in the past"},
        Case{R"({"since":"2026-11-22","until":"2026-11-21"})", "not before"},
        Case{R"({"since":"2026-11-23T02:30:00Z"})", "No interval"},
        Case{R"({"since":"2020-01-01"})", "1000 at most"},
        Case{R"({"since":"2026-11-22","limit":1001})", "\"limit\""},
        Case{R"({"since":"2026-11-22","parallel":11})", "\"parallel\""},
        Case{R"({"since":"2026-11-22","order":"random"})", "oldest or newest"},
        Case{R"({"since":"2026-11-22","more":1})", "'more'"}}) {
    const Answer answer = start(body);
    EXPECT_EQ(answer.status, 422) << body << answer.text;
    EXPECT_THAT(answer.detail(), HasSubstr(told)) << body;
  }
  EXPECT_EQ(start(R"({"since":"2026-11-22"})", "none").status, 404);
  for (const char* number : {"2", "0", "-1", "x", "1x", "99999999999999999999"}) {
    EXPECT_EQ(ask("GET", std::string(deployment_path) + "/backfills/" + number).status, 404)
        << number;
  }
  EXPECT_TRUE(runs().empty());
}

}  // namespace
}  // namespace cupola::api
