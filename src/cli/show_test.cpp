#include "cli/show.h"

#include <gtest/gtest.h>

#include "cli/moment.h"

namespace cupola::cli {
namespace {

TEST(ShowTest, TimesAreReadableAndAlwaysUtc) {
  EXPECT_EQ(shown_time("2026-11-23T03:18:00Z"), "2026-11-23 03:18:00");
  EXPECT_EQ(shown_time("2026-11-23T03:18:00.750Z"), "2026-11-23 03:18:00");
  EXPECT_EQ(shown_time("2026-11-23T03:18:00+01:00"), "2026-11-23 02:18:00");
  EXPECT_EQ(shown_time(""), "-");
  EXPECT_EQ(shown_time("soon\x1b"), "soon\\x1b");
}

TEST(ShowTest, NumbersHaveSeparators) {
  EXPECT_EQ(shown_number(0), "0");
  EXPECT_EQ(shown_number(999), "999");
  EXPECT_EQ(shown_number(1000), "1,000");
  EXPECT_EQ(shown_number(-1234567), "-1,234,567");
}

TEST(ShowTest, ARunIsNamedByItsScheduleElseItsTasks) {
  EXPECT_EQ(what_of({{"schedule", "daily"}, {"tasks", json::array{"x"}}}), "daily");
  EXPECT_EQ(what_of({{"schedule", nullptr}, {"tasks", json::array{"tap-a", "target-b"}}}),
            "tap-a target-b");
}

TEST(ShowTest, AStatusTellsTheAttemptWhereThereMayBeSeveral) {
  const auto shown = [](const json::object& run) { return run_status_cell(run).text; };

  EXPECT_EQ(shown({{"status", "failed"}, {"attempt", 1}, {"most_attempts", 1}}), "failed");
  EXPECT_EQ(shown({{"status", "failed"}, {"attempt", 2}, {"most_attempts", 3}}),
            "failed, attempt 2/3");
  EXPECT_EQ(shown({{"status", "failed"}}), "failed") << "of an older server";
}

TEST(ShowTest, PrettyJsonReadsBackAsTheSame) {
  const auto value = json::parse(R"({"a": [1, {"b": null}, []], "ü\n\"": {}, "c": "x"})");

  const std::string text = pretty(value);

  EXPECT_EQ(json::parse(text), value);
  EXPECT_TRUE(text.starts_with("{\n  \"a\": [\n    1,\n"));
}

TEST(ShowTest, Case19PrettyJsonSteersNoTerminalAndReadsBackAsTheSame) {
  const json::value value{{"name", "a\x1b[2J\x7f\u009b31m\u202Egnp.exe\u2066 \u00e9"}};

  const std::string text = pretty(value);

  EXPECT_EQ(json::parse(text), value);
  EXPECT_NE(text.find("a\\u001b[2J\\u007f\\u009b31m\\u202egnp.exe\\u2066 \u00e9"),
            std::string::npos)
      << text;
}

TEST(MomentTest, ReadsSpansBackFromNowAndTimes) {
  const Instant now = *parse_rfc3339("2026-11-23T12:00:00Z");

  EXPECT_EQ(*parse_moment("--since", "2d", now), "2026-11-21T12:00:00Z");
  EXPECT_EQ(*parse_moment("--since", "1h30m", now), "2026-11-23T10:30:00Z");
  EXPECT_EQ(*parse_moment("--since", "2026-11-01", now), "2026-11-01T00:00:00Z");
  EXPECT_EQ(*parse_moment("--since", "", now), "");
  const auto refused = parse_moment("--since", "yesterday", now);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--since 'yesterday'"), std::string::npos);
}

}  // namespace
}  // namespace cupola::cli
