#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct Where {
  std::string project;
  std::string deployment;
  std::string format = "table";

  std::string path(std::string_view below) const {
    return api_path({"projects", project, "deployments", deployment}) + std::string(below);
  }
};
struct StartOptions {
  Where where;
  std::string name;
  std::string since;
  std::string until;
  int limit = 0;
  int parallel = 1;
  std::string order = "oldest";
  bool dry_run = false;
};
struct NumberOptions {
  Where where;
  std::int64_t number = 0;
};

std::string shown_counts(const json::object& backfill) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : object_at(backfill, "counts")) {
    if (count.is_number() && count.to_number<std::int64_t>() > 0) {
      parts.push_back(fmt::format("{} {}", shown_number(count.to_number<std::int64_t>()),
                                  std::string_view(name)));
    }
  }
  return join(parts, ", ");
}

Table table_of_backfills(const json::array& backfills) {
  Table table({"number", "schedule", "status", "since (UTC)", "until (UTC)", "intervals", "by"});
  for (const auto& item : backfills) {
    const auto& backfill = item.get_object();
    table.add({std::to_string(number_at(backfill, "number")), text_at(backfill, "schedule"),
               status_cell(text_at(backfill, "status")), time_at(backfill, "since"),
               time_at(backfill, "until"), shown_counts(backfill),
               text_at(backfill, "created_by")});
  }
  return table;
}

Table table_of_intervals(const json::object& backfill) {
  Table table({"from (UTC)", "to (UTC)", "status", "run"});
  for (const auto& item : array_at(backfill, "intervals")) {
    const auto& interval = item.get_object();
    table.add({time_at(interval, "start"), time_at(interval, "end"),
               status_cell(text_at(interval, "status")), text_at(interval, "run", "-")});
  }
  return table;
}

void print_backfill(const json::object& backfill, const std::string& format) {
  if (format == "table") {
    const std::string cause = text_at(backfill, "cause");
    print(
        fmt::format("Backfill {} of {}: {}{}. {} and {} tell a run its interval; its state ids end "
                    "in {}-….\n\n",
                    number_at(backfill, "number"), printable(text_at(backfill, "schedule")),
                    text_at(backfill, "status"), cause.empty() ? "" : " (" + printable(cause) + ")",
                    text_at(backfill, "start_variable"), text_at(backfill, "end_variable"),
                    text_at(backfill, "state_id_suffix")));
  }
  print_list(format, backfill, table_of_intervals(backfill), "There are no intervals.");
}

Result<int> start_backfill(const Context& context, const StartOptions& options) {
  const Instant now = SystemClock{}.now();
  const auto since = parse_moment("--since", options.since, now);
  if (!since) return since.error();
  const auto until = parse_moment("--until", options.until, now);
  if (!until) return until.error();
  json::object body{{"since", *since},
                    {"order", options.order},
                    {"parallel", options.parallel},
                    {"dry_run", options.dry_run}};
  if (!until->empty()) body["until"] = *until;
  if (options.limit > 0) body["limit"] = options.limit;
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto backfill =
      api->post(api_path({"projects", options.where.project, "deployments",
                          options.where.deployment, "schedules", options.name, "backfills"}),
                body);
  if (!backfill) return backfill.error();
  if (options.dry_run && options.where.format == "table") {
    print(fmt::format(
        "{} runs would be started, {} at a time:\n\n",
        shown_number(static_cast<std::int64_t>(array_at(*backfill, "intervals").size())),
        number_at(*backfill, "parallel")));
    print_list("table", *backfill, table_of_intervals(*backfill), "");
    return 0;
  }
  print_backfill(*backfill, options.where.format);
  return 0;
}

Result<int> list_backfills(const Context& context, const Where& where) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(where.path("/backfills"), "backfills");
  if (!answer) return answer.error();
  print_list(where.format, *answer, table_of_backfills(array_at(*answer, "backfills")),
             "There are no backfills.");
  return 0;
}

Result<int> show_backfill(const Context& context, const NumberOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto backfill = api->get(options.where.path(fmt::format("/backfills/{}", options.number)));
  if (!backfill) return backfill.error();
  print_backfill(*backfill, options.where.format);
  return 0;
}

Result<int> stop_backfill(const Context& context, const NumberOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto backfill =
      api->post(options.where.path(fmt::format("/backfills/{}/stop", options.number)));
  if (!backfill) return backfill.error();
  print_backfill(*backfill, options.where.format);
  return 0;
}

void add_where(CLI::App* command, Where& where, bool required = true) {
  add_project(command, where.project, required);
  add_deployment(command, where.deployment, required);
  add_format(command, where.format);
}

}  // namespace

void add_backfill_commands(CLI::App& root, Context& context) {
  auto* backfill = root.add_subcommand(
      "backfill", "Run a schedule for intervals that have gone by, a few at a time");
  backfill->require_subcommand(0, 1);
  auto options = std::make_shared<StartOptions>();
  backfill->add_option("schedule", options->name, "The schedule")->type_name("NAME");
  add_where(backfill, options->where, false);
  backfill->add_option("--since", options->since, "Intervals from here on: 30d, 2026-11-01")
      ->type_name("TIME");
  backfill->add_option("--until", options->until, "Intervals up to here; now unless said")
      ->type_name("TIME");
  backfill->add_option("--limit", options->limit, "So many intervals at most")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  backfill->add_option("--order", options->order, "Which come first")
      ->check(CLI::IsMember({"oldest", "newest"}))
      ->capture_default_str();
  backfill->add_option("--parallel", options->parallel, "How many runs go at once")
      ->check(CLI::Range(1, 10))
      ->type_name("N")
      ->capture_default_str();
  backfill->add_flag("--dry-run", options->dry_run, "Only show the intervals");

  auto* list = backfill->add_subcommand("list", "Backfills of a deployment");
  auto where = std::make_shared<Where>();
  add_where(list, *where);

  const auto add_numbered = [&](const char* name, const char* text, auto work) {
    auto* command = backfill->add_subcommand(name, text);
    auto numbered = std::make_shared<NumberOptions>();
    command->add_option("number", numbered->number, "The backfill's number")
        ->required()
        ->type_name("NUMBER");
    add_where(command, numbered->where);
    set_work(command, context, numbered, work);
  };
  add_numbered("show", "One backfill, interval by interval", show_backfill);
  add_numbered("stop", "Stop a backfill and its runs", stop_backfill);
  set_work(list, context, where, list_backfills);

  // The callback of the command comes after that of its subcommand, which it must leave alone.
  backfill->final_callback([&context, backfill, options] {
    if (!backfill->get_subcommands().empty()) return;
    for (const auto& [name, value] :
         {std::pair("NAME", &options->name), std::pair("--project", &options->where.project),
          std::pair("--deployment", &options->where.deployment),
          std::pair("--since", &options->since)}) {
      if (value->empty()) throw CLI::RequiredError(name);
    }
    context.chosen = [&context, options] { return start_backfill(context, *options); };
  });
}

}  // namespace cupola::cli
