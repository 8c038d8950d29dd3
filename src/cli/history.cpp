#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/show.h"

namespace cupola::cli {
namespace {

struct HistoryOptions {
  std::string project;
  std::string deployment;
  std::string schedule;
  std::string status;
  std::string since;
  std::string until;
  std::string cursor;
  std::size_t limit = 50;
  std::string format = "table";
};

Table table_of(const json::array& runs) {
  Table table({"run", "status", "project", "deployment", "what", "trigger", "queued (UTC)", "took",
               "cause"});
  for (const auto& item : runs) {
    const auto& run = item.get_object();
    table.add({text_at(run, "id"), run_status_cell(run), text_at(run, "project"),
               text_at(run, "deployment"), what_of(run), text_at(run, "trigger"),
               time_at(run, "queued_at"), shown_duration(run), text_at(run, "cause")});
  }
  return table;
}

Result<int> show_history(const Context& context, const HistoryOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const Instant now = SystemClock{}.now();
  const auto since = parse_moment("--since", options.since, now);
  if (!since) return since.error();
  const auto until = parse_moment("--until", options.until, now);
  if (!until) return until.error();
  const auto answer = api->list(api_path({"runs"}), "runs",
                                {{"project", options.project},
                                 {"deployment", options.deployment},
                                 {"schedule", options.schedule},
                                 {"status", options.status},
                                 {"since", *since},
                                 {"until", *until}},
                                options.limit, options.cursor);
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "runs")),
             "There are no such runs.");
  if (options.format == "table" && !text_at(*answer, "next").empty()) {
    say(fmt::format("There are more: --limit {}", options.limit * 2));
  }
  return 0;
}

}  // namespace

void add_history_command(CLI::App& root, Context& context) {
  auto* history = root.add_subcommand("history", "Runs, newest first");
  auto options = std::make_shared<HistoryOptions>();
  add_project(history, options->project, false);
  add_deployment(history, options->deployment, false);
  history->add_option("--schedule,-s", options->schedule, "Only runs of this schedule")
      ->type_name("NAME");
  history->add_option("--status", options->status, "Only runs with this status")
      ->check(CLI::IsMember({"queued", "starting", "running", "stopping", "succeeded", "failed",
                             "cancelled", "timed_out", "lost", "skipped"}))
      ->type_name("STATUS");
  history->add_option("--since", options->since, "Queued since: a span such as 2d, 3h, or a time")
      ->type_name("WHEN");
  history->add_option("--until", options->until, "Queued before: a span back from now, or a time")
      ->type_name("WHEN");
  history->add_option("--limit", options->limit, "How many at most")
      ->check(CLI::Range(1, 100000))
      ->type_name("N")
      ->capture_default_str();
  history->add_option("--cursor", options->cursor, "Go on from `next` of an answer before")
      ->type_name("CURSOR");
  add_format(history, options->format);
  set_work(history, context, options, show_history);
}

}  // namespace cupola::cli
