#include "runner/result.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "logs/writer.h"
#include "runner/networks.h"

namespace cupola::runner {
namespace {

TEST(ResultTest, ALogThatIsCutIsToldAndItsLastLineIsNoCause) {
  const supervisor::Outcome failed{.exit_code = 1, .log_failed = true};
  const supervisor::Outcome well{.exit_code = 0, .log_failed = true};

  const auto failure = result_of({}, failed, "/nowhere", {});
  const auto success = result_of({}, well, "/nowhere", {});

  EXPECT_EQ(failure.status, store::RunStatus::failed);
  EXPECT_EQ(failure.cause, "exit code 1. Its log is cut: the disk was full or broken.");
  EXPECT_EQ(success.status, store::RunStatus::succeeded);
  EXPECT_EQ(success.cause, "Its log is cut: the disk was full or broken.");
}

TEST(ResultTest, WhatAnEarlierAttemptWroteIsNoCause) {
  const TempFolder folder("cupola-result");
  const std::filesystem::path log = folder.path() / "log";
  const store::Run run{.attempt = 2, .most_attempts = 3};
  {
    logs::Writer writer = logs::Writer::open(log, {});
    writer.append(logs::Stream::error,
                  R"({"event": "Failed to persist incremental state", "level": "error"})"
                  "\nAttempt 2 of 3.\n",
                  {});
    writer.note(opening_of(run), {});
    writer.append(logs::Stream::output, "all is well\n", {});
    writer.close({});
  }

  EXPECT_EQ(first_cause(run, log), "all is well");
  EXPECT_EQ(result_of(run, {.exit_code = 0}, log, {}).status, store::RunStatus::succeeded);
  EXPECT_EQ(result_of({}, {.exit_code = 0}, log, {}).status, store::RunStatus::failed);
}

TEST(ResultTest, Case04ARunWhoseServerFellSilentIsLostAndSaysSo) {
  const supervisor::Outcome outcome{.exit_code = 143, .server_silent = true};

  const auto result = result_of({}, outcome, "/nowhere", {.lease = 30s});

  EXPECT_EQ(result.status, store::RunStatus::lost);
  EXPECT_EQ(result.cause,
            "Its server gave no sign for 20 s: the run was ended before another could take its "
            "place.");
}

TEST(ResultTest, Case09TheLimitThatEndedARunIsTheCauseWithWhatWasUsed) {
  const Options limits{.limits = {.memory = 100 << 20, .processes = 50, .disk = 8 << 20}};
  const supervisor::Outcome memory{
      .exit_signal = 9, .out_of_memory = true, .peak_memory = 99 << 20};
  const supervisor::Outcome disk{.exit_code = 143, .out_of_disk = true, .disk_used = 9 << 20};
  const supervisor::Outcome processes{.exit_code = 1, .out_of_processes = true};

  EXPECT_EQ(result_of({}, memory, "/nowhere", limits).cause,
            "Out of memory: killed at 99 MiB of 100 MiB.");
  EXPECT_EQ(result_of({}, disk, "/nowhere", limits).cause,
            "Out of disk: it wrote 9 MiB, its limit is 8 MiB.");
  EXPECT_EQ(result_of({}, disk, "/nowhere", limits).status, store::RunStatus::failed);
  EXPECT_EQ(result_of({}, processes, "/nowhere", limits).cause,
            "exit code 1. It had come to its limit of 50 processes.");
}

TEST(NetworksTest, WhereThereIsNoneWhatWasChosenIsRefusedAndWhatIsDefaultIsNoted) {
  Networks networks("server", {});
  const process::Support none;

  const auto host = networks.choose({}, none);
  const auto by_default = networks.choose({.mode = store::NetworkMode::isolated}, none);
  const auto chosen =
      networks.choose({.mode = store::NetworkMode::isolated, .is_default = false}, none);

  ASSERT_TRUE(host && by_default);
  EXPECT_FALSE(host->plan || by_default->plan);
  EXPECT_EQ(host->note, "");
  EXPECT_NE(by_default->note.find("has the host's network"), std::string::npos);
  ASSERT_FALSE(chosen);
  EXPECT_NE(to_text(chosen.error()).find("cupola admin set-network"), std::string::npos);
}

}  // namespace
}  // namespace cupola::runner
