#include "cli/log_view.h"

#include <gtest/gtest.h>

namespace cupola::cli {
namespace {

json::object log_line(std::string_view plugin, std::string_view text) {
  return {{"number", 0},       {"time", "2026-11-23T03:18:01.250Z"},
          {"stream", "error"}, {"plugin", plugin},
          {"level", "info"},   {"text", text}};
}

TEST(LogViewTest, ShowsTimePluginAndText) {
  LogView view(false);

  EXPECT_EQ(view.line(log_line("tap-orders", "sent 5")), "03:18:01 tap-orders    sent 5\n");
  EXPECT_EQ(view.line(log_line("", "Block run completed")),
            "03:18:01 meltano       Block run completed\n");
}

TEST(LogViewTest, TheColumnOfPluginsWidensAndStaysWide) {
  LogView view(false);
  view.line(log_line("a-plugin-with-a-name", "one"));

  EXPECT_EQ(view.line(log_line("tap", "two")), "03:18:01 tap                   two\n");
}

TEST(LogViewTest, PlatformLinesAreCupolasOwn) {
  LogView view(false);
  auto line = log_line("", "starting");
  line["stream"] = "platform";

  EXPECT_EQ(view.line(line), "03:18:01 cupola        starting\n");
}

TEST(LogViewTest, NeutralisesControlCharactersAndIndentsFurtherLines) {
  LogView view(false);

  EXPECT_EQ(view.line(log_line("tap", "a\x1b[2J\rb\nc\n")),
            "03:18:01 tap           a\\x1b[2J\\x0db\n                       c\n");
}

TEST(LogViewTest, ErrorsAreRedOnATerminal) {
  LogView view(true);
  auto line = log_line("tap", "boom");
  line["level"] = "error";

  EXPECT_NE(view.line(line).find("\x1b[31mboom\x1b[0m"), std::string::npos);
}

TEST(LogViewTest, TheSummaryAddsUpRecordsAndNamesCauseAndState) {
  LogView view(false);
  auto line = log_line("tap-orders", "METRIC");
  line["singer_stream"] = "orders";
  line["records"] = 1000;
  view.line(line);
  line["records"] = 80;
  view.line(line);

  EXPECT_EQ(view.summary({{"status", "succeeded"},
                          {"started_at", "2026-11-23T03:18:00Z"},
                          {"ended_at", "2026-11-23T03:18:41Z"},
                          {"exit_code", 0},
                          {"cause", nullptr},
                          {"state_ids", json::array{"prod:tap-orders-to-target-jsonl"}}}),
            "succeeded in 41 s, exit code 0; tap-orders: orders 1,080 records; state "
            "prod:tap-orders-to-target-jsonl\n");
  EXPECT_EQ(LogView(false).summary({{"status", "failed"}, {"exit_code", 1}, {"cause", "no disk"}}),
            "failed, exit code 1: no disk\n");
}

}  // namespace
}  // namespace cupola::cli
