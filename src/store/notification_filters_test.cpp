#include "store/notification_filters.h"

#include <gmock/gmock.h>

namespace cupola::store {
namespace {

std::vector<NotificationFilter> filters(std::string_view text) {
  const auto parsed = parse_filters(*parse_json(text));
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(std::vector<NotificationFilter>{});
}

bool takes(std::string_view text, std::string_view event, std::string_view status,
           std::string_view schedule = "daily") {
  return wants(filters(text), {.event = event, .status = status, .schedule = schedule});
}

TEST(NotificationFiltersTest, NoFilterTellsTheEndsOfRuns) {
  for (const char* status : {"succeeded", "failed", "cancelled"}) {
    EXPECT_TRUE(takes("[]", "job_run", status)) << status;
    EXPECT_TRUE(takes("[{}]", "job_run", status)) << status;
  }
  EXPECT_FALSE(takes("[]", "job_run", "recovered"));
  EXPECT_FALSE(takes("[]", "job_run", "late"));
  EXPECT_FALSE(takes("[]", "deploy", "failed"));
}

TEST(NotificationFiltersTest, AllThatAFilterSaysMustBeSo) {
  const char* text = R"([{"events":["job_run"],"status":["failed"],"schedules":["daily"]}])";

  EXPECT_TRUE(takes(text, "job_run", "failed"));
  EXPECT_FALSE(takes(text, "job_run", "succeeded"));
  EXPECT_FALSE(takes(text, "deploy", "failed"));
  EXPECT_FALSE(takes(text, "job_run", "failed", "hourly"));
  EXPECT_FALSE(takes(text, "job_run", "failed", ""));
}

TEST(NotificationFiltersTest, OneOfSeveralIsEnough) {
  const char* text = R"([{"status":["failed"]},{"schedules":["hourly"]}])";

  EXPECT_TRUE(takes(text, "job_run", "failed", "daily"));
  EXPECT_TRUE(takes(text, "job_run", "succeeded", "hourly"));
  EXPECT_FALSE(takes(text, "job_run", "succeeded", "daily"));
}

TEST(NotificationFiltersTest, WhatIsUncommonIsForThoseWhoNameIt) {
  EXPECT_TRUE(takes(R"([{"status":["late","recovered"]}])", "job_run", "late"));
  EXPECT_TRUE(takes(R"([{"events":["deploy"]}])", "deploy", "failed"));
  EXPECT_FALSE(takes(R"([{"status":["failed"]}])", "deploy", "failed"));
  EXPECT_TRUE(names_status(filters(R"([{},{"status":["late"]}])"), "late"));
  EXPECT_FALSE(names_status(filters(R"([{}])"), "late"));
}

TEST(NotificationFiltersTest, AreReadBackAsTheyWereWritten) {
  const char* text = R"([{"events":["job_run"],"status":["failed","late"]},{"schedules":["a"]}])";

  EXPECT_EQ(json::serialize(to_json(filters(text))), text);
}

TEST(NotificationFiltersTest, AFaultNamesItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"7", "\"filters\""},
      {"[7]", "filters[0]"},
      {R"([{"status":[]}])", "filters[0].status is empty"},
      {R"([{},{"events":[]}])", "filters[1].events is empty"},
      {R"([{"schedules":[]}])", "filters[0].schedules is empty"},
      {R"([{"status":"failed"}])", "filters[0].status must be a list"},
      {R"([{"status":[1]}])", "filters[0].status must be a list"},
      {R"([{"status":["FAILED"]}])", "'FAILED'"},
      {R"([{"events":["run"]}])", "'run'"},
      {R"([{"schedules":[""]}])", "filters[0].schedules"},
      {R"([{"state":["failed"]}])", "'state'"},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_filters(*parse_json(text));

    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, Error::Kind::invalid);
    EXPECT_THAT(parsed.error().message, ::testing::HasSubstr(expected));
  }
}

}  // namespace
}  // namespace cupola::store
