#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/fields.h"
#include "meltano/read.h"
#include "meltano/read_definition.h"

namespace cupola::meltano {
namespace {

using yaml::Node;

void read_settings(const Fields& fields, Plugin& plugin) {
  const Node* settings = fields.find("settings");
  if (settings == nullptr || settings->is_falsy()) return;
  if (!settings->is_sequence()) {
    fields.report().reject(
        settings->mark, fmt::format("'settings' must be a list; this is {}.", in_words(*settings)),
        "Write '- name: …' for each setting; values belong under 'config'.");
    return;
  }
  json::array names;
  for (const Node& item : settings->items) {
    plugin.settings.push_back(read_setting(item, fields.report()));
    const Node* name = item.find("name");
    names.push_back(name == nullptr ? json::value(nullptr) : to_json(*name));
  }
  plugin.written["settings"] = std::move(names);
}

void read_commands(const Fields& fields, Plugin& plugin) {
  const Node* commands = fields.find("commands");
  if (commands == nullptr || commands->is_null()) return;
  if (!commands->is_mapping()) {
    fields.report().reject(
        commands->mark,
        fmt::format("'commands' must be a mapping; this is {}.", in_words(*commands)),
        "Write 'name: arguments' lines.");
    return;
  }
  json::object written;
  for (const yaml::Entry& entry : commands->entries) {
    const std::string& name = entry.key.text;
    plugin.commands[name] = read_command(entry.value, name, fields.report());
    const Node* args = entry.value.is_mapping() ? entry.value.find("args") : &entry.value;
    written[json_text(name)] = args == nullptr ? json::value("") : to_json(*args);
  }
  if (!written.empty()) plugin.written["commands"] = std::move(written);
}

/// The keys that a plugin with a definition of its own keeps there, out of the extras.
bool belongs_to_definition(std::string_view key) {
  static const std::vector<std::string_view> keys = {
      "original", "deprecated",        "docs", "repo", "supported_python_versions",
      "variants", "is_default_variant"};
  return std::ranges::find(keys, key) != keys.end();
}

void read_extras(const Fields& fields, bool own_definition, Plugin& plugin) {
  static constexpr auto known = {"name",
                                 "inherit_from",
                                 "namespace",
                                 "variant",
                                 "pip_url",
                                 "python",
                                 "settings",
                                 "capabilities",
                                 "commands",
                                 "requires",
                                 "env",
                                 "executable",
                                 "config",
                                 "annotations",
                                 "label",
                                 "requires_meltano",
                                 "hidden",
                                 "default_variant",
                                 "logo_url",
                                 "description",
                                 "settings_group_validation"};
  for (const yaml::Entry& entry : fields.node().entries) {
    const std::string& key = entry.key.text;
    if (std::ranges::find(known, key) != known.end()) continue;
    if (own_definition && belongs_to_definition(key)) continue;
    plugin.extras[json_text(key)] = to_json(entry.value);
  }
}

/// What official Meltano demands only of plugins that carry their own definition.
void check_own_values(const Fields& fields) {
  const Node* name = fields.find("name");
  if (name != nullptr && (name->is_sequence() || name->is_mapping())) {
    fields.report().reject(name->mark, "The name must be text; this is " + in_words(*name) + ".",
                           "Write the name as text.");
  }
  for (const std::string_view key : {"capabilities", "settings_group_validation"}) {
    const Node* value = fields.find(key);
    if (value == nullptr || value->is_falsy() || value->is_sequence() || value->is_text() ||
        value->is_mapping()) {
      continue;
    }
    fields.report().reject(value->mark,
                           fmt::format("'{}' must be a list; this is {}.", key, in_words(*value)),
                           "Write each as a list entry.");
  }
}

void read_mappings(const Fields& fields, Plugin& plugin) {
  const Node* mappings = fields.find("mappings");
  if (mappings == nullptr) return;
  const bool empty = (mappings->is_text() || mappings->is_mapping()) && mappings->is_falsy();
  if (!mappings->is_sequence() && !empty) {
    fields.report().reject(
        mappings->mark,
        fmt::format("'mappings' of a mapper must be a list; this is {}.", in_words(*mappings)),
        "Write '- name: …' and its 'config' for each mapping.");
    return;
  }
  for (const Node& item : mappings->items) {
    const Fields mapping(item, "The mapping", fields.report());
    if (!mapping.is_mapping()) continue;
    if (mapping.find("name") == nullptr) {
      fields.report().warn(item.mark, "The mapping has no name, so that no task can call it.",
                           "Add 'name:'.");
    }
    plugin.mappings.push_back(mapping.text("name"));
    const Node* name = mapping.find("name");
    plugin.mappings_written.push_back(name == nullptr ? json::value() : to_json(*name));
  }
}

Plugin read_plugin(const Node& node, const std::string& type, Report& report) {
  Plugin plugin;
  plugin.type = type;
  plugin.place = report.place(node.mark);
  const Fields fields(node, "The plugin", report);
  if (!fields.is_mapping()) return plugin;
  fields.forbid({"self", "plugin_type"});
  if (fields.require("name", "Add 'name:'.")) {
    plugin.name = read_name(*fields.find("name"), report);
    plugin.written["name"] = to_json(*fields.find("name"));
  }
  for (const auto& [key, member] :
       {std::pair{"inherit_from", &Plugin::inherit_from}, std::pair{"variant", &Plugin::variant},
        std::pair{"executable", &Plugin::executable},
        std::pair{"namespace", &Plugin::namespace_}}) {
    plugin.*member = fields.text(key);
    const Node* value = fields.find(key);
    if (value != nullptr && !value->is_falsy()) plugin.written[key] = to_json(*value);
  }
  if (plugin.inherit_from == plugin.name) {
    // The same as no word about it: the plugin's definition is looked for by its name.
    plugin.inherit_from.clear();
    plugin.written.erase("inherit_from");
  }
  if (const Node* url = fields.find("pip_url"); url != nullptr && !url->is_null()) {
    plugin.pip_url = fields.text("pip_url");
    if (!url->is_falsy()) plugin.written["pip_url"] = to_json(*url);
  }
  const bool own_definition = plugin.inherit_from.empty() && !plugin.namespace_.empty();
  if (own_definition) check_own_values(fields);
  plugin.python = fields.text("python");
  plugin.capabilities = fields.list("capabilities");
  plugin.requires_meltano = fields.text("requires_meltano");
  if (const Node* requirements = fields.find("requires")) check_requires(*requirements, report);
  plugin.config = fields.object("config");
  plugin.env = fields.texts("env");
  plugin.annotations = fields.object("annotations");
  const Node* config = fields.find("config");
  if (config != nullptr && !config->is_falsy()) {
    plugin.written["config"] = to_json(*config, yaml::Copied::yes);
  }
  const Node* env = fields.find("env");
  if (env != nullptr && !env->is_falsy()) plugin.written["env"] = to_json(*env);
  read_extras(fields, own_definition, plugin);
  if (!plugin.extras.empty()) plugin.written["extras"] = plugin.extras;
  if (const Node* annotations = fields.find("annotations")) {
    plugin.written["annotations"] = to_json(*annotations);
  }
  read_settings(fields, plugin);
  read_commands(fields, plugin);
  if (type == "mappers") read_mappings(fields, plugin);
  return plugin;
}

}  // namespace

const std::vector<std::string>& plugin_types() {
  static const std::vector<std::string> types = {"extractors",    "loaders",      "transforms",
                                                 "orchestrators", "transformers", "files",
                                                 "utilities",     "mappers",      "mappings"};
  return types;
}

const std::vector<Node>& entries_of(const Node& node, std::string_view what, Report& report) {
  if (!node.is_sequence() && !(node.is_text() && node.is_falsy()) &&
      !(node.is_mapping() && node.is_falsy())) {
    report.reject(node.mark, fmt::format("{} must be a list; this is {}.", what, in_words(node)),
                  "Write each as a list entry, or remove the key.");
  }
  return node.items;
}

std::string read_name(const Node& name, Report& report) {
  if (name.is_sequence() || name.is_mapping()) {
    report.warn(name.mark, "The name must be text; this is " + in_words(name) + ".",
                "Write the name as text.");
    return {};
  }
  if (!name.is_text()) {
    report.reject(name.mark, "The name must be text; this is " + in_words(name) + ".",
                  "Put the name in quotes.");
    return {};
  }
  if (name.text.find(':') != std::string::npos) {
    report.reject(name.mark, fmt::format("The name {} holds a ':'.", cupola::quoted(name.text)),
                  "Choose a name without ':'; it separates plugin and command, and the parts of "
                  "state ids.");
  }
  return name.text;
}

std::vector<Plugin> read_plugins(const Node& node, Report& report) {
  std::vector<Plugin> plugins;
  if (!node.is_mapping()) {
    report.reject(node.mark,
                  "'plugins' must be a mapping of plugin types; this is " + in_words(node) + ".",
                  "Write 'extractors:', 'loaders:' … below it.");
    return plugins;
  }
  for (const yaml::Entry& entry : node.entries) {
    const std::string& type = entry.key.text;
    const std::vector<Node>& entries = entries_of(entry.value, cupola::quoted(type), report);
    const bool known = std::ranges::find(plugin_types(), type) != plugin_types().end();
    if (!known) {
      const Fault fault{report.place(entry.key.mark),
                        fmt::format("There is no plugin type {}.", cupola::quoted(type)),
                        "Use one of " + join(plugin_types(), ", ") + ".", !entries.empty()};
      report.add(fault);
      continue;
    }
    for (const Node& item : entries) plugins.push_back(read_plugin(item, type, report));
  }
  std::ranges::stable_sort(plugins, {}, [](const Plugin& plugin) {
    return std::ranges::find(plugin_types(), plugin.type) - plugin_types().begin();
  });
  return plugins;
}

}  // namespace cupola::meltano
