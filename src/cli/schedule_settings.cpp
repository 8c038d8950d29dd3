#include "cli/schedule_settings.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "store/schedule_settings.h"

namespace cupola::cli {
namespace {

struct SetOptions {
  std::string project;
  std::string deployment;
  std::string name;
  std::optional<std::string> timezone;
  std::optional<std::string> overlap;
  std::optional<std::string> missed;
  std::optional<int> retries;
  std::optional<std::string> retry_wait;
  std::optional<std::string> run_timeout;
  std::optional<int> pause_after;
  std::optional<std::string> offset;
  std::vector<std::string> unset;
  std::string format = "table";
};

const std::vector<std::pair<std::string, std::string>> settings = {
    {"time-zone", "timezone"},      {"overlap", "overlap"},       {"missed", "missed"},
    {"retries", "retries"},         {"retry-wait", "retry_wait"}, {"timeout", "run_timeout"},
    {"pause-after", "pause_after"}, {"offset", "offset"}};

/// A whole number as one, so that the server need not guess; all else is for it to judge.
json::value offset_value(const std::string& text) {
  const auto value = parse_json(text);
  return value && value->is_number() ? *value : json::value(json_text(text));
}

json::object body_of(const SetOptions& options) {
  json::object body;
  const auto put = [&](std::string_view name, const auto& value) {
    if (value) body[name] = json::value_from(*value);
  };
  put("timezone", options.timezone);
  put("overlap", options.overlap);
  put("missed", options.missed);
  put("retries", options.retries);
  put("retry_wait", options.retry_wait);
  put("run_timeout", options.run_timeout);
  put("pause_after", options.pause_after);
  if (options.offset) body["offset"] = offset_value(*options.offset);
  for (const auto& [option, name] : settings) {
    for (const std::string& unset : options.unset) {
      if (unset == option || unset == name || unset == "all") body[name] = nullptr;
    }
  }
  return body;
}

Result<int> set_settings(const Context& context, const SetOptions& options) {
  const json::object body = body_of(options);
  if (body.empty()) {
    return Error{Error::Kind::invalid, "Nothing is to be set.",
                 "Give a setting, or --unset with one: cupola schedule set --help names them."};
  }
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto schedule = api->patch(api_path({"projects", options.project, "deployments",
                                             options.deployment, "schedules", options.name}),
                                   body);
  if (!schedule) return schedule.error();
  print_list(options.format, *schedule, table_of_settings(*schedule), "");
  return 0;
}

}  // namespace

Table table_of_settings(const json::object& schedule) {
  Table table({"setting", "value", "from", "meltano.yml"});
  for (const auto& [name, item] : object_at(schedule, "settings")) {
    if (!item.is_object()) continue;
    const auto& setting = item.get_object();
    const auto at = [&](std::string_view key) {
      const json::value* value = setting.if_contains(key);
      return value == nullptr || value->is_null() ? std::string("-") : store::setting_text(*value);
    };
    const std::string from = text_at(setting, "from");
    std::string value = at("value");
    if (name == "offset" && value != "random") value += " min";
    if (name == "pause_after" && value == "0") value = "never";
    table.add({std::string(name), std::move(value),
               from == "api"    ? Cell{"API", Colour::yellow}
               : from == "file" ? Cell{"meltano.yml"}
                                : Cell{"default", Colour::dim},
               at("file")});
  }
  return table;
}

void add_schedule_set_command(CLI::App* schedule, Context& context) {
  auto* command = schedule->add_subcommand(
      "set", "Set settings of a schedule; they hold over those of meltano.yml");
  auto options = std::make_shared<SetOptions>();
  command->add_option("schedule", options->name, "The schedule")->required()->type_name("NAME");
  add_project(command, options->project);
  add_deployment(command, options->deployment);
  command->add_option("--time-zone", options->timezone, "Where its interval is read, such as UTC")
      ->type_name("ZONE");
  command
      ->add_option("--overlap", options->overlap,
                   "What a fire does while a run is on: queue_one, skip or allow")
      ->type_name("POLICY");
  command
      ->add_option("--missed", options->missed,
                   "What becomes of fires that were missed: latest, skip or all")
      ->type_name("POLICY");
  command
      ->add_option("--retries", options->retries, "Attempts after the first, of runs by the clock")
      ->type_name("N");
  command->add_option("--retry-wait", options->retry_wait, "Before the second attempt, such as 30s")
      ->type_name("SPAN");
  command->add_option("--timeout", options->run_timeout, "How long a run may take, such as 6h")
      ->type_name("SPAN");
  command
      ->add_option("--pause-after", options->pause_after,
                   "Switch it off after so many failures in a row; 0: never")
      ->type_name("N");
  command
      ->add_option("--offset", options->offset,
                   "Minutes from its times to its fires: random, 0, or another whole number")
      ->type_name("MINUTES");
  std::vector<std::string> names = {"all"};
  for (const auto& [option, name] : settings) names.push_back(option);
  command
      ->add_option("--unset", options->unset,
                   "Settings that are meltano.yml's again: " + join(names, ", "))
      ->type_name("SETTING")
      ->check([](const std::string& given) {
        for (const auto& [option, name] : settings) {
          if (given == option || given == name || given == "all") return std::string();
        }
        return "no setting is named " + cupola::quoted(given);
      });
  add_format(command, options->format);
  set_work(command, context, options, set_settings);
}

}  // namespace cupola::cli
