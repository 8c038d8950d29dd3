// Settings of schedules through the API.

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "store/audit.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;

class ApiScheduleSettingsTest : public ApiTest {
 protected:
  const std::string path_ = std::string(deployment_path) + "/schedules/hourly";

  Answer change(const std::string& body,
                std::vector<std::pair<std::string, std::string>> headers = {}) {
    return ask("PATCH", path_, store::Role::maintainer, body, std::move(headers));
  }
  std::string setting(const std::string& name) {
    return json::serialize(ask("GET", path_).object().at("settings").at(name));
  }
};

TEST_F(ApiScheduleSettingsTest, WhatTheApiSetsWinsAndSaysWhereItComesFrom) {
  EXPECT_EQ(setting("overlap"), R"({"value":"skip","from":"file","file":"skip"})");
  EXPECT_EQ(setting("retries"), R"({"value":0,"from":"default","file":null})");

  const Answer answer = change(
      R"({"overlap":"allow","retries":3,"retry_wait":"5m","run_timeout":"90m","pause_after":4,
          "missed":"all","timezone":"Europe/Berlin","offset":-30})");

  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(scheduler_woken_, 1);
  EXPECT_EQ(setting("overlap"), R"({"value":"allow","from":"api","file":"skip"})");
  EXPECT_EQ(setting("run_timeout"), R"({"value":"1h30m","from":"api","file":"2h"})");
  EXPECT_EQ(setting("offset"), R"({"value":-30,"from":"api","file":null})");
  const json::object shown = ask("GET", path_).object();
  EXPECT_EQ(shown.at("offset_minutes"), json::value(-30));
  EXPECT_EQ(shown.at("timezone"), json::value("Europe/Berlin"));
  EXPECT_EQ(shown.at("run_timeout_ms"), json::value(90 * 60'000));
  EXPECT_EQ(shown.at("pause_after"), json::value(4));
  EXPECT_TRUE(shown.at("paused_cause").is_null());

  make_another_release_live(acme_);
  EXPECT_EQ(setting("overlap"), R"({"value":"allow","from":"api","file":"skip"})");

  ASSERT_EQ(change(R"({"overlap":null,"run_timeout":null,"offset":null})").status, 200);
  EXPECT_EQ(setting("overlap"), R"({"value":"skip","from":"file","file":"skip"})");
  EXPECT_EQ(ask("GET", path_).object().at("offset_minutes"), json::value(3)) << "as it was drawn";
}

TEST_F(ApiScheduleSettingsTest, WhatIsWrongIsRefusedAndNamed) {
  const std::string before = ask("GET", path_).text;
  struct Case {
    const char* body;
    const char* told;
  };
  for (const auto& [body, told] :
       {Case{"{}", "says nothing"}, Case{R"({"retries":11})", "\"retries\" is '11'"},
        Case{R"({"offset":60})", "\"offset\": An offset of 60 min"},
        Case{R"({"offset":"soon"})", "must be random, or whole minutes"},
        Case{R"({"timezone":"Mars/X"})", "\"timezone\": "},
        Case{R"({"missed":"none"})", "latest, skip or all"},
        Case{R"({"retries":1,"enabled":true})", "'enabled', which is not known"},
        Case{R"({"run_timeout":5})", "a span such as"}, Case{"[]", "must be a JSON object"}}) {
    const Answer answer = change(body);
    EXPECT_EQ(answer.status, 422) << body << answer.text;
    EXPECT_THAT(answer.detail(), HasSubstr(told)) << body;
  }
  EXPECT_EQ(
      ask("PATCH", std::string(deployment_path) + "/schedules/none", R"({"retries":1})").status,
      404);
  EXPECT_EQ(ask("GET", path_).text, before);
  EXPECT_EQ(scheduler_woken_, 0);
}

TEST_F(ApiScheduleSettingsTest, ASettingThatFitsNoMoreKeepsNoOtherFromBeingSet) {
  db_->write([&](db::Session& db) {
    const auto& tenant = acme_.tenant;
    const auto row =
        store::find_schedule(db, tenant.organization.key, tenant.deployment.key, "hourly");
    store::set_own_settings(db, *row, {.offset = store::OffsetRule{.minutes = 90min}},
                            clock_.now());
  });

  EXPECT_EQ(change(R"({"retries":1})").status, 200);
  EXPECT_EQ(change(R"({"retries":2,"offset":90})").status, 422);

  EXPECT_EQ(setting("offset"), R"({"value":90,"from":"api","file":null})");
}

TEST_F(ApiScheduleSettingsTest, TwoWhoChangeOneAreKeptApart) {
  std::string tag;
  for (const auto& [name, value] : ask("GET", path_).headers) {
    if (name == "ETag") tag = value;
  }

  EXPECT_EQ(change(R"({"retries":1})", {{"if-match", tag}}).status, 200);
  EXPECT_EQ(change(R"({"retries":2})", {{"if-match", tag}}).status, 412);

  EXPECT_EQ(setting("retries"), R"({"value":1,"from":"api","file":null})");
}

TEST_F(ApiScheduleSettingsTest, AChangeIsAuditedBeforeAndAfter) {
  ASSERT_EQ(change(R"({"retries":1})").status, 200);
  ASSERT_EQ(change(R"({"retries":null,"offset":0})").status, 200);

  const auto entries = db_->read([&](db::Session& db) {
    return store::list_audit(db, acme_.tenant.organization.key, {}, 10);
  });

  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].action, "schedule.change");
  EXPECT_EQ(entries[0].before, R"({"retries":1})");
  EXPECT_EQ(entries[0].after, R"({"offset":0})");
}

TEST_F(ApiScheduleSettingsTest, AScheduleRunsByHandWhileItIsOffWithItsOwnTimeLimit) {
  ASSERT_EQ(change(R"({"run_timeout":"45m"})").status, 200);
  const Answer run =
      ask("POST", std::string(deployment_path) + "/runs", R"({"schedule":"hourly"})");
  ASSERT_EQ(run.status, 201) << run.text;

  EXPECT_FALSE(ask("GET", path_).object().at("enabled").as_bool());
  const auto found = db_->read(
      [&](db::Session& db) { return store::find_run(db, RunId(text_at(run.object(), "id"))); });
  EXPECT_EQ(found->run_timeout, 45min);
  EXPECT_TRUE(found->schedule);
}

}  // namespace
}  // namespace cupola::api
