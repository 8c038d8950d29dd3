#include "store/release_content.h"

#include <gtest/gtest.h>

namespace cupola::store {
namespace {

ReleaseContent sample() {
  ReleaseContent content;
  content.commit = std::string(40, 'a');
  content.directory = "sub/\"dir\"";
  content.environment = "prod";
  content.state_id_suffix = "x";
  content.meltano_version = "4.4.1";
  content.meltano_environment = "m";
  content.python = "/usr/bin/python3";
  content.environments = {{.type = "extractors",
                           .directory_name = "tap-a",
                           .key = "k",
                           .fingerprint = "f",
                           .plugins = {"tap-a", "tap-b"}}};
  content.schedules = {
      {.settings = {.name = "daily",
                    .interval = "*/15 * * * *",
                    .given = {.timezone = "Europe/Berlin",
                              .overlap = Overlap::skip,
                              .missed = Missed::all,
                              .retries = 3,
                              .retry_wait = 5min,
                              .run_timeout = 90min},
                    .state_ids = {"s"}},
       .command = {"run", "tap-a", "ü\n"},
       .env = {{"A", "b"}, {"C.D", ""}},
       .job = "j",
       .backfill = BackfillTemplate{
           .start_variable = "FROM", .end_variable = "TO", .state_id_suffix = "again"}}};
  content.jobs = {{.name = "j", .tasks = {"tap-a target-b", "dbt:run"}, .state_ids = {"s", "t"}}};
  content.persist = {"output"};
  content.read_only_paths = {"/opt/python"};
  return content;
}

TEST(ReleaseContentTest, ComesBackAsItWent) {
  const std::string text = to_json_text(sample());

  const ReleaseContent read = parse_release_content(text);

  EXPECT_EQ(to_json_text(read), text);
  EXPECT_EQ(read.directory, "sub/\"dir\"");
  ASSERT_EQ(read.schedules.size(), 1u);
  const auto& [settings, command, env, job, backfill] = read.schedules[0];
  EXPECT_EQ(settings.given, sample().schedules[0].settings.given);
  EXPECT_EQ(settings.state_ids, std::vector<std::string>{"s"});
  EXPECT_EQ(command.back(), "ü\n");
  EXPECT_EQ(env.at("C.D"), "");
  EXPECT_EQ(job, "j");
  ASSERT_TRUE(backfill);
  EXPECT_EQ(backfill->start_variable + backfill->end_variable + backfill->state_id_suffix,
            "FROMTOagain");
  EXPECT_EQ(read.environments[0].plugins.size(), 2u);
  EXPECT_EQ(read.jobs[0].tasks[1], "dbt:run");
  EXPECT_EQ(read.persist, std::vector<std::string>{"output"});
}

TEST(ReleaseContentTest, AReleaseFromBeforeSettingsHadSourcesGivesNone) {
  const std::string text = to_json_text(sample());
  const auto from = text.find("\"given\":");
  const auto to = text.find(",\"state_ids\":", from);
  ASSERT_LT(to, text.size()) << text;
  const std::string old = text.substr(0, from) +
                          R"("timezone":"UTC","overlap":"skip","missed":"all","run_timeout":1)" +
                          text.substr(to);

  const ReleasedSchedule settings = parse_release_content(old).schedules.at(0).settings;

  EXPECT_EQ(settings.given, ScheduleSettings());
}

TEST(ReleaseContentTest, ASuffixTakesThePlaceOfTheEnvironments) {
  ReleaseContent content = sample();
  content.schedules[0].settings.state_ids = {"prod:a-to-b:x", "prod:c-to-d"};

  EXPECT_EQ(state_ids_under(content, content.schedules[0], "again"),
            (std::vector<std::string>{"prod:a-to-b:again", "prod:c-to-d:again"}));
  EXPECT_EQ(find_schedule(content, "daily"), &content.schedules[0]);
  EXPECT_EQ(find_schedule(content, "other"), nullptr);
}

TEST(ReleaseContentTest, WhatItDidNotWriteIsAFailure) {
  const std::string good = to_json_text(sample());
  for (std::string text :
       {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() / 2)}) {
    EXPECT_THROW(parse_release_content(text), Failure) << text;
  }
  std::string other = good;
  other.replace(other.find("\"skip\""), 6, "\"jump\"");
  EXPECT_THROW(parse_release_content(other), Failure);
}

}  // namespace
}  // namespace cupola::store
