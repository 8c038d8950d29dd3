#include <fmt/format.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/schedule_settings.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct ListOptions {
  std::string project;
  std::string deployment;
  std::string format = "table";
};
struct SwitchOptions {
  std::string project;
  std::string deployment;
  std::vector<std::string> names;
  std::string format = "table";
};
struct ShowOptions {
  std::string project;
  std::string deployment;
  std::string name;
  std::size_t limit = 20;
  std::string format = "table";
};

std::string next_of(const json::object& schedule) {
  const auto& next = array_at(schedule, "next");
  if (!flag_at(schedule, "enabled")) return "-";
  return next.empty() || !next[0].is_string() ? "never by itself"
                                              : shown_time(next[0].get_string());
}

std::string offset_of(const json::object& schedule) {
  const auto minutes = number_at(schedule, "offset_minutes");
  return minutes == 0 ? "0" : fmt::format("{:+} min", minutes);
}

Cell switch_cell(const json::object& schedule) {
  if (!text_at(schedule, "paused_cause").empty()) return {"off after failures", Colour::red};
  return flag_at(schedule, "enabled") ? Cell{"on", Colour::green} : Cell{"off", Colour::dim};
}

Table table_of(const json::array& schedules) {
  Table table({"schedule", "project", "deployment", "interval", "switch", "offset", "next (UTC)"});
  for (const auto& item : schedules) {
    const auto& schedule = item.get_object();
    std::string interval = text_at(schedule, "interval");
    const std::string zone = text_at(schedule, "timezone", "UTC");
    if (zone != "UTC") interval += " " + zone;
    table.add({text_at(schedule, "name"), text_at(schedule, "project"),
               text_at(schedule, "deployment"), std::move(interval), switch_cell(schedule),
               offset_of(schedule), next_of(schedule)});
  }
  return table;
}

Result<int> list_schedules(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const bool one = !options.project.empty() && !options.deployment.empty();
  const auto answer =
      one ? api->list(api_path({"projects", options.project, "deployments", options.deployment,
                                "schedules"}),
                      "schedules")
          : api->list(api_path({"schedules"}), "schedules",
                      {{"project", options.project}, {"deployment", options.deployment}});
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "schedules")),
             "There are no schedules. They come from `schedules:` in meltano.yml when a deployment "
             "goes live.");
  return 0;
}

Result<int> switch_schedules(const Context& context, const SwitchOptions& options,
                             std::string_view action) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::array changed;
  for (const auto& name : options.names) {
    const auto schedule = api->post(api_path({"projects", options.project, "deployments",
                                              options.deployment, "schedules", name, action}));
    if (!schedule) return schedule.error();
    changed.push_back(*schedule);
  }
  if (options.format == "json" && changed.size() == 1) {
    print(pretty(changed[0]));
    return 0;
  }
  const Table table = table_of(changed);
  print_list(options.format, json::object{{"schedules", changed}, {"next", nullptr}}, table, "");
  return 0;
}

Result<int> enable_schedules(const Context& context, const SwitchOptions& options) {
  return switch_schedules(context, options, "enable");
}
Result<int> disable_schedules(const Context& context, const SwitchOptions& options) {
  return switch_schedules(context, options, "disable");
}

void print_schedule(const json::object& schedule) {
  const bool colours = has_colours(stdout);
  print(table_of({schedule}).text(colours));
  std::string next;
  for (const auto& instant : array_at(schedule, "next")) {
    if (instant.is_string()) next += "  " + shown_time(instant.get_string()) + "\n";
  }
  if (!next.empty()) print("\nNext fires, UTC:\n" + next);
  if (const std::string cause = text_at(schedule, "paused_cause"); !cause.empty()) {
    print("\nIt is " + printable(cause) + ". `cupola schedule enable` switches it on again.\n");
  }
  print("\nSettings:\n" + table_of_settings(schedule).text(colours));
  const auto& counts = object_at(schedule, "fire_counts");
  print(fmt::format(
      "\nOn record: {} run, {} skipped, {} missed\n", shown_number(number_at(counts, "run")),
      shown_number(number_at(counts, "skipped_overlap") + number_at(counts, "skipped_credits")),
      shown_number(number_at(counts, "missed"))));
}

Result<int> show_schedule(const Context& context, const ShowOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const std::string path = api_path(
      {"projects", options.project, "deployments", options.deployment, "schedules", options.name});
  auto schedule = api->get(path);
  if (!schedule) return schedule.error();
  auto fires = api->list(path + "/fires", "fires", {}, options.limit);
  if (!fires) return fires.error();

  Table table({"fire (UTC)", "due (UTC)", "outcome", "fires", "run"});
  for (const auto& item : array_at(*fires, "fires")) {
    const auto& fire = item.get_object();
    table.add({time_at(fire, "nominal"), time_at(fire, "due"), text_at(fire, "outcome"),
               shown_number(number_at(fire, "count")), text_at(fire, "run", "-")});
  }
  if (options.format == "table") {
    print_schedule(*schedule);
    print("\nLast fires:\n");
  }
  (*schedule)["fires"] = array_at(*fires, "fires");
  print_list(options.format, *schedule, table, "  none so far");
  return 0;
}

}  // namespace

void add_schedule_commands(CLI::App& root, Context& context) {
  auto* schedule = root.add_subcommand("schedule", "Schedules: when they fire, on or off");
  schedule->require_subcommand(1);

  auto* list = schedule->add_subcommand("list", "Schedules, with their switches and next fires");
  auto list_options = std::make_shared<ListOptions>();
  add_project(list, list_options->project, false);
  add_deployment(list, list_options->deployment, false);
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_schedules);

  const auto add_switch = [&](const char* name, const char* text, auto work) {
    auto* command = schedule->add_subcommand(name, text);
    auto options = std::make_shared<SwitchOptions>();
    command->add_option("schedule", options->names, "One or more schedules")
        ->required()
        ->type_name("NAME");
    add_project(command, options->project);
    add_deployment(command, options->deployment);
    add_format(command, options->format);
    set_work(command, context, options, work);
  };
  add_switch("enable", "Switch schedules on: they fire from now", enable_schedules);
  add_switch("disable", "Switch schedules off", disable_schedules);

  add_schedule_set_command(schedule, context);

  auto* show =
      schedule->add_subcommand("show", "One schedule: next fires, and what became of the last");
  auto options = std::make_shared<ShowOptions>();
  show->add_option("schedule", options->name, "The schedule")->required()->type_name("NAME");
  add_project(show, options->project);
  add_deployment(show, options->deployment);
  show->add_option("--limit", options->limit, "How many past fires")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  add_format(show, options->format);
  set_work(show, context, options, show_schedule);
}

}  // namespace cupola::cli
