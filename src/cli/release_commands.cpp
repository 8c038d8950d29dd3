#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/release.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct PlanOptions {
  DeploymentName name;
  std::string format = "table";
};
struct ListOptions {
  DeploymentName name;
  std::size_t limit = 20;
  std::string format = "table";
};
struct LogOptions {
  DeploymentName name;
  std::int64_t release = 0;
  bool follow = false;
};

/// What stands under `key` of a plan's item, in a few words: "0 5 * * *", or an object as JSON.
std::string part_at(const json::object& item, std::string_view key) {
  const json::value* part = item.if_contains(key);
  if (part == nullptr || part->is_null()) return "";
  return part->is_string() ? std::string(part->get_string()) : json::serialize(*part);
}

std::string from_to(const json::object& item) {
  const std::string from = part_at(item, "from");
  const std::string to = part_at(item, "to");
  return from.empty() || to.empty() ? from + to : from + " → " + to;
}

Cell change_cell(std::string_view change) {
  const bool goes = change == "vanishes";
  const bool comes = change == "appears" || change == "build" || change == "returns";
  return {std::string(change), goes ? Colour::red : comes ? Colour::green : Colour::none};
}

Table table_of_plan(const json::object& plan) {
  Table table({"what", "name", "change", "details"});
  for (const auto& item : array_at(plan, "schedules")) {
    const auto& schedule = item.get_object();
    std::string details = from_to(schedule);
    if (flag_at(schedule, "enabled")) details += details.empty() ? "on" : ", on";
    table.add({"schedule", text_at(schedule, "name"), change_cell(text_at(schedule, "change")),
               std::move(details)});
  }
  for (const auto& item : array_at(plan, "plugins")) {
    const auto& plugin = item.get_object();
    const std::string type = text_at(plugin, "type");  // empty for Meltano itself
    table.add({type.empty() ? "program" : type, text_at(plugin, "name"),
               change_cell(text_at(plugin, "change")), from_to(plugin)});
  }
  return table;
}

std::string fault_line(const json::object& fault) {
  std::string place = text_at(fault, "file");
  if (const auto line = number_at(fault, "line"); line > 0) place += fmt::format(":{}", line);
  return fmt::format("{}: {} {}", place, text_at(fault, "message"), text_at(fault, "hint"));
}

Result<int> show_plan(const Context& context, const PlanOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto plan = api->get(deployment_path(options.name, "/plan"));
  if (!plan) return plan.error();
  if (options.format == "table") {
    print(fmt::format("A deploy of {} would bring commit {}.\n", printable(options.name.deployment),
                      short_commit(text_at(*plan, "commit"))));
  }
  print_list(options.format, *plan, table_of_plan(*plan),
             "Schedules and plugins stay as they are.");
  const auto& faults = array_at(*plan, "faults");
  if (options.format == "table") {
    const std::string uri = text_at(object_at(*plan, "state"), "uri");
    print(uri.empty()
              ? "Cupola keeps the state.\n"
              : fmt::format("The project keeps its state itself, in {}.\n", printable(uri)));
    for (const auto& fault : faults) {
      if (fault.is_object())
        say(painted(fault_line(fault.get_object()), Colour::red, has_colours(stderr)));
    }
  }
  const bool stopped = std::any_of(faults.begin(), faults.end(), [](const json::value& fault) {
    return fault.is_object() && text_at(fault.get_object(), "severity", "rejects") == "rejects";
  });
  return stopped ? 1 : 0;
}

Result<int> list_releases(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->list(deployment_path(options.name, "/releases"), "releases", {}, options.limit);
  if (!answer) return answer.error();
  Table table({"release", "status", "commit", "created (UTC)", "live (UTC)", "reason"});
  for (const auto& item : array_at(*answer, "releases")) {
    const auto& release = item.get_object();
    table.add({fmt::format("{}", number_at(release, "number")),
               status_cell(text_at(release, "status")),
               short_commit(text_at(release, "commit", "-")), time_at(release, "created_at"),
               time_at(release, "live_at"), text_at(release, "error")});
  }
  print_list(options.format, *answer, table, "There are no releases.");
  return 0;
}

Result<int> show_log(const Context& context, const LogOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  std::int64_t number = options.release;
  if (number == 0) {
    const auto deployment = api->get(deployment_path(options.name));
    if (!deployment) return deployment.error();
    number = number_at(object_at(*deployment, "last_release"), "number");
    if (number == 0) {
      return Error{
          Error::Kind::not_found,
          fmt::format("Deployment {} has no release", cupola::quoted(options.name.deployment)), ""};
    }
  }
  if (options.follow) {
    const auto status = follow_release(*api, options.name, number);
    if (!status) return status.error();
    say(fmt::format("Release {} is {}.", number, *status));
    return 0;
  }
  std::string text;
  const auto done =
      api->download(deployment_path(options.name, fmt::format("/releases/{}/log", number)), {},
                    [&](std::string_view chunk) {
                      text += chunk;
                      return true;
                    });
  if (!done) return done.error();
  print(printable(text));
  return 0;
}

void add_name(CLI::App* command, DeploymentName& name) {
  command->add_option("deployment,--deployment,-d", name.deployment, "The deployment")
      ->required()
      ->type_name("NAME");
  add_project(command, name.project);
}

}  // namespace

void add_release_commands(CLI::App* deployment, Context& context) {
  auto* plan = deployment->add_subcommand("plan", "What a deploy would change, without doing it");
  auto plan_options = std::make_shared<PlanOptions>();
  add_name(plan, plan_options->name);
  add_format(plan, plan_options->format);
  set_work(plan, context, plan_options, show_plan);

  auto* releases = deployment->add_subcommand("releases", "Its releases, newest first");
  auto list_options = std::make_shared<ListOptions>();
  add_name(releases, list_options->name);
  releases->add_option("--limit", list_options->limit, "How many")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  add_format(releases, list_options->format);
  set_work(releases, context, list_options, list_releases);

  auto* logs = deployment->add_subcommand("logs", "The log of a deploy");
  auto log_options = std::make_shared<LogOptions>();
  add_name(logs, log_options->name);
  logs->add_option("--release,-r", log_options->release,
                   "Number of the release; the last one unless said")
      ->type_name("N");
  logs->add_flag("--follow,-f", log_options->follow, "Until the release is live or failed");
  set_work(logs, context, log_options, show_log);
}

}  // namespace cupola::cli
