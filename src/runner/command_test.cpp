#include "runner/command.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cupola::runner {
namespace {

using testing::ElementsAre;

const Layout layout{.project = "/repository",
                    .state = "/state",
                    .scratch = "/home/run",
                    .log_config = "/log.yaml",
                    .environments = "/environments"};

store::ReleaseContent content_with_schedule() {
  store::ReleaseContent content{.commit = std::string(40, 'a'),
                                .directory = ".",
                                .environment = "prod",
                                .meltano_version = "4.4.1",
                                .meltano_environment = "m1"};
  content.schedules.push_back(
      {.settings = {.name = "daily", .interval = "@daily", .state_ids = {"prod:a-to-b"}},
       .command = {"run", "load"},
       .env = {{"ROWS", "100"}, {"MELTANO_STATE_BACKEND_URI", "s3://elsewhere"}}});
  return content;
}

store::Run run_of_schedule() {
  return {.id = RunId("00000000000070008000000000000001"),
          .schedule_name = "daily",
          .scheduled_at = parse_rfc3339("2026-11-23T03:00:00Z")};
}

TEST(CommandTest, AScheduleRunsItsOwnWordsWithoutInstalling) {
  const auto content = content_with_schedule();
  const auto work = work_of(run_of_schedule(), content);

  ASSERT_TRUE(work);
  EXPECT_THAT(meltano_command(run_of_schedule(), content, *work, layout),
              ElementsAre("/environments/m1/bin/meltano", "--log-format=json",
                          "--log-config=/log.yaml", "--environment", "prod", "run", "--no-install",
                          "--run-id", "00000000000070008000000000000001", "load"));
  EXPECT_THAT(work->state_ids, ElementsAre("prod:a-to-b"));
}

TEST(CommandTest, ABackfillTakesStateIdsUnderItsSuffixAsTheReleaseOfNowHasThem) {
  auto content = content_with_schedule();
  content.state_id_suffix = "eu";
  content.schedules[0].settings.state_ids = {"prod:a-to-b:eu", "prod:c-to-d:eu"};
  store::Run run = run_of_schedule();
  run.trigger = store::Trigger::backfill;
  run.options.state_id_suffix = "again-1";
  run.options.env = {{"FROM", "2026-11-22T03:00:00Z"}};
  run.state_ids = {"prod:a-to-b:again-1"};

  const auto work = work_of(run, content);

  ASSERT_TRUE(work);
  EXPECT_THAT(work->state_ids, ElementsAre("prod:a-to-b:again-1", "prod:c-to-d:again-1"));
  const auto argv = meltano_command(run, content, *work, layout);
  const auto option = std::find(argv.begin(), argv.end(), "--state-id-suffix");
  ASSERT_NE(option, argv.end());
  EXPECT_EQ(*(option + 1), "again-1");
  EXPECT_EQ(run_environment(run, content, *work, layout).at("FROM"), "2026-11-22T03:00:00Z");
}

TEST(CommandTest, AnOldMeltanoIsNotGivenAFlagThatItLacks) {
  auto content = content_with_schedule();
  content.meltano_version = "3.5.0";

  const auto argv =
      meltano_command(run_of_schedule(), content, *work_of(run_of_schedule(), content), layout);

  EXPECT_EQ(std::count(argv.begin(), argv.end(), "--log-format=json"), 0);
}

TEST(CommandTest, WordsByHandTakeSuffixAndFullRefresh) {
  store::Run run = run_of_schedule();
  run.schedule_name.reset();
  run.tasks = {"tap-a", "target-b"};
  run.options = {.full_refresh = true, .state_id_suffix = "blue"};
  const auto content = content_with_schedule();

  const auto argv = meltano_command(run, content, *work_of(run, content), layout);

  const std::vector<std::string> tail(argv.begin() + 5, argv.end());
  EXPECT_THAT(tail,
              ElementsAre("run", "--no-install", "--run-id", run.id.text(), "--state-id-suffix",
                          "blue", "--full-refresh", "tap-a", "target-b"));
}

TEST(CommandTest, AScheduleThatTheReleaseLacksIsRefusedByName) {
  store::Run run = run_of_schedule();
  run.schedule_name = "hourly";

  const auto work = work_of(run, content_with_schedule());

  ASSERT_FALSE(work);
  EXPECT_NE(work.error().message.find("'hourly'"), std::string::npos);
}

TEST(CommandTest, NobodyCanPointTheStateElsewhere) {
  store::Run run = run_of_schedule();
  run.options.env = {{"MELTANO_DATABASE_URI", "postgresql://elsewhere"}, {"ROWS", "7"}};
  const auto content = content_with_schedule();

  const auto env = run_environment(run, content, *work_of(run, content), layout);

  EXPECT_EQ(env.at("MELTANO_STATE_BACKEND_URI"), "file:///state");
  EXPECT_FALSE(env.contains("MELTANO_DATABASE_URI"));
  EXPECT_EQ(env.at("ROWS"), "7");
  EXPECT_EQ(env.at("CUPOLA_SCHEDULED_AT"), "2026-11-23T03:00:00Z");
  EXPECT_EQ(env.at("CUPOLA_RUN_ID"), run.id.text());
  EXPECT_EQ(env.at("CUPOLA_ATTEMPT"), "1");
}

}  // namespace
}  // namespace cupola::runner
