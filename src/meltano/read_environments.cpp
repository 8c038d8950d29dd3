#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/fields.h"
#include "meltano/read.h"

namespace cupola::meltano {
namespace {

using yaml::Node;

EnvironmentPlugin read_plugin(const Node& node, const std::string& type, Report& report,
                              json::object& written) {
  EnvironmentPlugin plugin;
  plugin.type = type;
  plugin.place = report.place(node.mark);
  const Fields fields(node, "The plugin of the environment", report);
  if (!fields.is_mapping()) return plugin;
  fields.forbid({"self", "plugin_type"});
  if (fields.require("name", "Add the plugin's 'name:'.")) {
    plugin.name = read_name(*fields.find("name"), report);
    written["name"] = to_json(*fields.find("name"));
  }
  plugin.config = fields.object("config");
  plugin.env = fields.texts("env");
  plugin.extras = other_keys(node, {"name", "config", "env", "annotations"});
  for (const std::string_view key : {"config", "env"}) {
    const Node* value = fields.find(key);
    if (value != nullptr && !value->is_falsy()) {
      written[key] = to_json(*value, yaml::Copied::yes);
    }
  }
  if (!plugin.extras.empty()) written["extras"] = plugin.extras;
  return plugin;
}

void read_plugins_of(const Node& node, Environment& environment, Report& report) {
  json::object written;
  for (const yaml::Entry& entry : node.entries) {
    const std::string& type = entry.key.text;
    if (std::ranges::find(plugin_types(), type) == plugin_types().end()) {
      report.reject(entry.key.mark,
                    fmt::format("There is no plugin type {}.", cupola::quoted(type)),
                    "Use one of " + join(plugin_types(), ", ") + ".");
    }
    json::array plugins;
    for (const Node& item : entries_of(entry.value, cupola::quoted(type), report)) {
      json::object plugin;
      environment.plugins.push_back(read_plugin(item, type, report, plugin));
      plugins.push_back(std::move(plugin));
    }
    written[json_text(type)] = std::move(plugins);
  }
  environment.written["plugins"] = std::move(written);
}

void read_config(const Node& node, Environment& environment, Report& report) {
  const Fields fields(node, "'config' of the environment", report);
  if (!fields.is_mapping()) return;
  fields.forbid({"self"});
  const Node* plugins = fields.find("plugins");
  if (plugins == nullptr || plugins->is_falsy()) return;
  if (!plugins->is_mapping()) {
    report.reject(
        plugins->mark,
        "'plugins' must be a mapping of plugin types; this is " + in_words(*plugins) + ".",
        "Write 'extractors:', 'loaders:' … below it.");
    return;
  }
  read_plugins_of(*plugins, environment, report);
}

Environment read_environment(const Node& node, Report& report) {
  Environment environment;
  environment.place = report.place(node.mark);
  environment.written = {{"name", nullptr},
                         {"env", json::object()},
                         {"state_id_suffix", nullptr},
                         {"plugins", json::object()}};
  const Fields fields(node, "The environment", report);
  if (!fields.is_mapping()) return environment;
  fields.allow_only({"name", "config", "env", "state_id_suffix"},
                    "What an environment sets for plugins stands under 'config: plugins:'.");
  if (fields.require("name", "Add 'name:'.")) {
    environment.name = read_name(*fields.find("name"), report);
    environment.written["name"] = to_json(*fields.find("name"));
  }
  environment.env = fields.texts("env");
  environment.state_id_suffix = fields.text("state_id_suffix");
  environment.annotations = fields.object("annotations");
  if (const Node* env = fields.find("env"); env != nullptr && !env->is_falsy()) {
    environment.written["env"] = to_json(*env);
  }
  if (const Node* suffix = fields.find("state_id_suffix")) {
    environment.written["state_id_suffix"] = to_json(*suffix);
  }
  if (const Node* config = fields.find("config"); config != nullptr && !config->is_falsy()) {
    read_config(*config, environment, report);
  }
  return environment;
}

}  // namespace

std::vector<Environment> read_environments(const Node& node, Report& report) {
  std::vector<Environment> environments;
  for (const Node& item : entries_of(node, "'environments'", report)) {
    if (item.is_null()) {
      report.warn(item.mark, "This environment is empty.", "Remove it, or give it a 'name'.");
      continue;
    }
    environments.push_back(read_environment(item, report));
  }
  return environments;
}

}  // namespace cupola::meltano
