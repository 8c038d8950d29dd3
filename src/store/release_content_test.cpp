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
  content.schedules = {{.settings = {.name = "daily",
                                     .interval = "*/15 * * * *",
                                     .timezone = "Europe/Berlin",
                                     .overlap = Overlap::skip,
                                     .missed = Missed::all,
                                     .run_timeout = 90min,
                                     .retries = 3,
                                     .retry_wait = 5min,
                                     .state_ids = {"s"}},
                        .command = {"run", "tap-a", "ü\n"},
                        .env = {{"A", "b"}, {"C.D", ""}},
                        .job = "j"}};
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
  const auto& [settings, command, env, job] = read.schedules[0];
  EXPECT_EQ(settings.timezone, "Europe/Berlin");
  EXPECT_EQ(settings.overlap, Overlap::skip);
  EXPECT_EQ(settings.missed, Missed::all);
  EXPECT_EQ(settings.run_timeout, 90min);
  EXPECT_EQ(settings.retries, 3);
  EXPECT_EQ(settings.retry_wait, 5min);
  EXPECT_EQ(settings.state_ids, std::vector<std::string>{"s"});
  EXPECT_EQ(command.back(), "ü\n");
  EXPECT_EQ(env.at("C.D"), "");
  EXPECT_EQ(job, "j");
  EXPECT_EQ(read.environments[0].plugins.size(), 2u);
  EXPECT_EQ(read.jobs[0].tasks[1], "dbt:run");
  EXPECT_EQ(read.persist, std::vector<std::string>{"output"});
}

TEST(ReleaseContentTest, AReleaseFromBeforeThereWereRetriesHasNone) {
  std::string text = to_json_text(sample());
  const std::string written = R"("retries":3,"retry_wait":300000,)";
  ASSERT_NE(text.find(written), std::string::npos) << text;
  text.erase(text.find(written), written.size());

  const ReleasedSchedule settings = parse_release_content(text).schedules.at(0).settings;

  EXPECT_EQ(settings.retries, 0);
  EXPECT_EQ(settings.retry_wait, 30s);
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
