#include "store/schedule_settings.h"

#include <gmock/gmock.h>

namespace cupola::store {
namespace {

json::value read(const char* text) {
  return *parse_json(text);
}

TEST(ScheduleSettingsTest, WhatIsSaidComesBackAsItWent) {
  const json::object said = read(R"({"timezone":"Europe/Berlin","overlap":"skip","missed":"all",
      "retries":3,"retry_wait":"1h","run_timeout":"1h30m","pause_after":5,"offset":-3})")
                                .get_object();
  ScheduleSettings settings;
  for (const auto& [name, value] : said) EXPECT_FALSE(put_setting(settings, name, value)) << name;

  EXPECT_EQ(json::serialize(to_json(settings)), json::serialize(said));
  EXPECT_EQ(settings_from(json::serialize(said)), settings);
  EXPECT_EQ(said.size(), schedule_setting_names().size());
  EXPECT_EQ(settings.offset->minutes, -3min);
  EXPECT_EQ(to_json(default_settings()).size(), schedule_setting_names().size());
}

TEST(ScheduleSettingsTest, WhatIsWrongIsToldAndChangesNothing) {
  struct Case {
    const char* name;
    const char* value;
  };
  for (const auto& [name, value] :
       {Case{"timezone", "5"}, Case{"timezone", "\"\""}, Case{"overlap", "\"queue\""},
        Case{"missed", "true"}, Case{"retries", "11"}, Case{"retries", "-1"},
        Case{"retries", "1.5"}, Case{"retries", "\"2\""}, Case{"retry_wait", "\"61m\""},
        Case{"retry_wait", "30"}, Case{"run_timeout", "\"0s\""}, Case{"run_timeout", "\"32d\""},
        Case{"pause_after", "1001"}, Case{"offset", "\"often\""}, Case{"offset", "1440"},
        Case{"offset", "-1440"}, Case{"offset", "1.5"}, Case{"offset", "[]"}}) {
    ScheduleSettings settings = default_settings();
    EXPECT_TRUE(put_setting(settings, name, read(value))) << name << " " << value;
    EXPECT_EQ(settings, default_settings()) << name;
  }
  EXPECT_THROW(settings_from(R"({"retries":11})"), Failure);
  EXPECT_THROW(settings_from(R"({"other":1})"), Failure);
  EXPECT_THROW(settings_from("[]"), Failure);
}

TEST(ScheduleSettingsTest, NullTakesOneAwayAndTheOtherSourceHolds) {
  ScheduleSettings own = {.retries = 2, .offset = OffsetRule{.minutes = 0min}};
  const ScheduleSettings given = {.retries = 1, .run_timeout = 2h};
  EXPECT_EQ(
      merged(given, own),
      (ScheduleSettings{.retries = 2, .run_timeout = 2h, .offset = OffsetRule{.minutes = 0min}}));

  EXPECT_FALSE(put_setting(own, "retries", nullptr));

  EXPECT_EQ(merged(given, own).retries, 1);
  EXPECT_TRUE(setting_value(own, "retries").is_null());
  EXPECT_EQ(setting_value(own, "offset"), json::value(0));
  EXPECT_EQ(setting_value(default_settings(), "offset"), json::value("random"));
}

}  // namespace
}  // namespace cupola::store
