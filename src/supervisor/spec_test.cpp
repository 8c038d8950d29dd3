#include "supervisor/spec.h"

#include <gtest/gtest.h>

namespace cupola::supervisor {
namespace {

RunSpec full_spec() {
  RunSpec spec{.run = RunId("0192f0c1a2b37c4d8e9f0a1b2c3d4e5f"),
               .folder = "/home/runs/x",
               .log = "/home/logs/x",
               .command = {"meltano", "run", "päckli", std::string("\xff\x00", 2)},
               .env = {{"A", "b\n\"c\""}, {"RAW", "\xfe"}},
               .timeout = 5s,
               .grace = 1s,
               .memory_limit = 1 << 28,
               .log_limit = 1000,
               .booted_at = from_milliseconds(1700000000000),
               .notes = {"a note"}};
  spec.secrets.emplace("TOKEN", Secret("s3cret\xff"));
  spec.masked.emplace_back("other");
  spec.files.emplace("/run/secrets/KEY", Secret("-----\n\xff"));
  spec.server_sign = "/sign";
  spec.longest_silence = 20s;
  spec.start_before = 99s;
  spec.sandbox.binds = {{.from = "/a", .to = "/b", .writable = true}};
  spec.support = process::Support{.kind = process::SandboxKind::root, .overlay = true, .text = "t"};
  return spec;
}

TEST(SpecTest, SpecSurvivesJsonByteByByte) {
  const RunSpec spec = full_spec();

  const auto again = parse_spec(to_json_text(spec));

  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->command, spec.command);
  EXPECT_EQ(again->env, spec.env);
  EXPECT_EQ(again->secrets.at("TOKEN").reveal(), "s3cret\xff");
  EXPECT_EQ(again->masked.at(0).reveal(), "other");
  EXPECT_EQ(again->files.at("/run/secrets/KEY").reveal(), "-----\n\xff");
  EXPECT_EQ(again->server_sign, "/sign");
  EXPECT_EQ(again->longest_silence, 20s);
  EXPECT_EQ(again->start_before, 99s);
  EXPECT_EQ(to_json_text(*again), to_json_text(spec));
}

TEST(SpecTest, WhatIsMissingIsNamed) {
  RunSpec no_command = full_spec();
  no_command.command.clear();
  RunSpec no_folder = full_spec();
  no_folder.folder = "relative";

  EXPECT_EQ(parse_spec(to_json_text(no_command)).error().message, "It has no valid \"command\".");
  EXPECT_EQ(parse_spec(to_json_text(no_folder)).error().message, "It has no valid \"folder\".");
  EXPECT_EQ(parse_spec("{").error().kind, Error::Kind::malformed);
  EXPECT_EQ(parse_spec("[]").error().message, "It is no JSON object.");
  EXPECT_FALSE(parse_spec(R"({"env": {"A": 1}})"));
}

TEST(SpecTest, OutcomeSurvivesJson) {
  const Outcome outcome{.exit_signal = 9,
                        .timed_out = true,
                        .out_of_memory = true,
                        .start_error = "",
                        .peak_memory = 1 << 20,
                        .cpu_time = 17ms,
                        .log_lines = 3,
                        .started_at = from_milliseconds(1000),
                        .ended_at = from_milliseconds(2000),
                        .run_time = 900ms};

  const auto again = parse_outcome(to_json_text(outcome));

  ASSERT_TRUE(again);
  EXPECT_EQ(again->exit_code, std::nullopt);
  EXPECT_EQ(again->exit_signal, 9);
  EXPECT_EQ(to_json_text(*again), to_json_text(outcome));
  EXPECT_FALSE(parse_outcome("{}"));
}

TEST(SpecTest, StartedAndSupervisorSurviveJson) {
  const auto started = parse_started(to_json_text(
      Started{.pid = 7, .at = from_milliseconds(5), .sandbox = "bubblewrap, own uid"}));
  const auto process =
      parse_supervisor_process(to_json_text(SupervisorProcess{.pid = 8, .start_time = 99}));

  ASSERT_TRUE(started && process);
  EXPECT_EQ(started->pid, 7);
  EXPECT_EQ(started->sandbox, "bubblewrap, own uid");
  EXPECT_EQ(process->pid, 8);
  EXPECT_EQ(process->start_time, 99u);
  EXPECT_FALSE(parse_supervisor_process(R"({"pid": 0, "start_time": 1})"));
}

}  // namespace
}  // namespace cupola::supervisor
