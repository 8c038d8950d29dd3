#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/credits.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct UsageOptions {
  std::string by = "schedule";
  std::string month;
  std::string since;
  std::string until;
  std::string project;
  std::string deployment;
  std::string schedule;
  std::string format = "table";
};
struct UptimeOptions {
  std::string month;
  std::string project;
  std::string deployment;
  std::string format = "table";
};

std::string time_of(const json::object& row) {
  return to_text(std::chrono::milliseconds(number_at(row, "run_time_ms")));
}

std::string sent_in(const json::object& row) {
  const json::value* bytes = row.if_contains("egress_bytes");
  if (bytes == nullptr || !bytes->is_number()) return "-";
  return fmt::format("{:.1f} MB", static_cast<double>(number_at(row, "egress_bytes")) / 1e6);
}

/// What the row is of, in as many cells as `by` needs.
std::vector<Cell> names_in(const json::object& row, const std::string& by) {
  if (by == "total") return {"all"};
  if (by == "day" || by == "month") return {text_at(row, by)};
  const std::string gone = flag_at(row, "deleted") ? " (deleted)" : "";
  if (by == "project") return {text_at(row, "project") + gone};
  std::vector<Cell> cells{text_at(row, "project"), text_at(row, "deployment") + gone};
  if (by == "schedule") cells.emplace_back(text_at(row, "schedule", "(none)"));
  return cells;
}

std::vector<std::string> headers_for(const std::string& by) {
  if (by == "total") return {"usage"};
  if (by == "deployment") return {"project", "deployment"};
  if (by == "schedule") return {"project", "deployment", "schedule"};
  return {by};
}

Table table_of(const json::array& rows, const std::string& by) {
  auto headers = headers_for(by);
  for (const char* name : {"runs", "credits", "base", "run time", "egress", "ran", "sent"}) {
    headers.emplace_back(name);
  }
  Table table(headers);
  for (const auto& item : rows) {
    const auto& row = item.get_object();
    auto cells = names_in(row, by);
    cells.emplace_back(shown_number(number_at(row, "runs")));
    for (const char* part : {"credits", "credits_base", "credits_run_time", "credits_egress"}) {
      cells.emplace_back(credits_at(row, part));
    }
    cells.emplace_back(time_of(row));
    cells.emplace_back(sent_in(row));
    table.add(std::move(cells));
  }
  return table;
}

Result<int> show_usage(const Context& context, const UsageOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  Query query{{"by", options.by},
              {"month", options.month},
              {"since", options.since},
              {"until", options.until},
              {"project", options.project},
              {"deployment", options.deployment},
              {"schedule", options.schedule}};
  if (options.format == "csv") {
    return print_download(*api, api_path({"usage"}), query, "text/csv");
  }
  const auto answer = api->list(api_path({"usage"}), "usage", query);
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "usage"), options.by),
             "Nothing was used.");
  if (options.format != "table" || options.by == "total") return 0;
  query[0].second = "total";
  const auto total = api->list(api_path({"usage"}), "usage", query);
  if (!total) return total.error();
  for (const auto& row : array_at(*total, "usage")) {
    print(fmt::format("\n{} credits in all\n", credits_at(row.get_object(), "credits")));
  }
  return 0;
}

Result<int> show_uptime(const Context& context, const UptimeOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(
      api_path({"uptime"}), "uptime",
      {{"month", options.month}, {"project", options.project}, {"deployment", options.deployment}});
  if (!answer) return answer.error();
  Table table({"project", "deployment", "schedule", "due", "missed", "uptime"});
  for (const auto& item : array_at(*answer, "uptime")) {
    const auto& row = item.get_object();
    const std::int64_t missed = number_at(row, "missed");
    table.add({text_at(row, "project"),
               text_at(row, "deployment"),
               text_at(row, "schedule"),
               shown_number(number_at(row, "due")),
               {shown_number(missed), missed > 0 ? Colour::red : Colour::none},
               credits_at(row, "uptime_percent") + " %"});
  }
  print_list(options.format, *answer, table, "No schedule was due.");
  return 0;
}

void add_month(CLI::App* command, std::string& month) {
  command
      ->add_option("--month", month, "Of this month (UTC), such as 2026-11; else the present one")
      ->type_name("MONTH");
}

}  // namespace

void add_usage_commands(CLI::App& root, Context& context) {
  auto* usage = root.add_subcommand("usage", "Credits that were used, by schedule, day and so on");
  auto options = std::make_shared<UsageOptions>();
  usage
      ->add_option("--by", options->by,
                   "Summed by: schedule, deployment, project, day, month, total")
      ->check(CLI::IsMember({"schedule", "deployment", "project", "day", "month", "total"}))
      ->type_name("WHAT")
      ->capture_default_str();
  add_month(usage, options->month);
  usage->add_option("--since", options->since, "From this day on, with --until: 2026-11-01")
      ->type_name("DAY");
  usage->add_option("--until", options->until, "Before this day")->type_name("DAY");
  add_project(usage, options->project, false);
  add_deployment(usage, options->deployment, false);
  usage->add_option("--schedule,-s", options->schedule, "Only runs of this schedule")
      ->type_name("NAME");
  usage->add_option("--format", options->format, "How to print: table, json, markdown or csv")
      ->check(CLI::IsMember({"table", "json", "markdown", "csv"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  set_work(usage, context, options, show_usage);

  auto* uptime = root.add_subcommand("uptime", "How many of its ticks each schedule missed");
  auto uptime_options = std::make_shared<UptimeOptions>();
  add_month(uptime, uptime_options->month);
  add_project(uptime, uptime_options->project, false);
  add_deployment(uptime, uptime_options->deployment, false);
  add_format(uptime, uptime_options->format);
  set_work(uptime, context, uptime_options, show_uptime);
}

}  // namespace cupola::cli
