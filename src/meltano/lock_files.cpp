#include "meltano/lock_files.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"

namespace cupola::meltano {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_lock_file = 1 << 20;

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return result;
  for (const json::value& item : value->get_array()) {
    if (item.is_string()) result.emplace_back(item.get_string());
  }
  return result;
}

Setting to_setting(const json::object& object) {
  Setting setting{.name = text_at(object, "name"),
                  .kind = text_at(object, "kind"),
                  .env = text_at(object, "env"),
                  .aliases = texts_at(object, "aliases"),
                  .sensitive = flag_at(object, "sensitive"),
                  .hidden = flag_at(object, "hidden")};
  if (const json::value* value = object.if_contains("value")) setting.value = *value;
  return setting;
}

Command to_command(const json::value& value) {
  if (value.is_string()) return {.args = std::string(value.get_string())};
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  return {.args = text_at(object, "args"),
          .executable = text_at(object, "executable"),
          .description = text_at(object, "description")};
}

Definition to_definition(std::string file, const json::object& object) {
  Definition definition{.file = std::move(file),
                        .namespace_ = text_at(object, "namespace"),
                        .variant = text_at(object, "variant"),
                        .executable = text_at(object, "executable"),
                        .python = text_at(object, "python"),
                        .capabilities = texts_at(object, "capabilities")};
  if (const json::value* url = object.if_contains("pip_url"); url != nullptr && url->is_string()) {
    definition.pip_url = std::string(url->get_string());
  }
  if (const json::value* commands = object.if_contains("commands");
      commands != nullptr && commands->is_object()) {
    for (const auto& [name, command] : commands->get_object()) {
      definition.commands[std::string(name)] = to_command(command);
    }
  }
  if (const json::value* settings = object.if_contains("settings");
      settings != nullptr && settings->is_array()) {
    for (const json::value& setting : settings->get_array()) {
      if (setting.is_object()) definition.settings.push_back(to_setting(setting.get_object()));
    }
  }
  return definition;
}

std::string remedy(const Plugin& plugin) {
  if (plugin.variant.empty()) {
    return "Write 'variant: …' beside the plugin, run `meltano lock --all` and commit the folder "
           "plugins/; or define the plugin itself with 'namespace', 'pip_url' and 'executable'.";
  }
  return "Run `meltano lock --all` (or `meltano install`) and commit the folder plugins/.";
}

}  // namespace

bool needs_lock_file(const Project& project, const Plugin& plugin) {
  if (plugin.inherit_from.empty()) return plugin.namespace_.empty();
  if (!plugin.variant.empty()) return true;
  return project.find_plugin(plugin.type, plugin.inherit_from) == nullptr;
}

std::string lock_file_path(const Plugin& plugin) {
  const std::string& name = plugin.inherit_from.empty() ? plugin.name : plugin.inherit_from;
  const std::string variant = plugin.variant.empty() ? "default" : plugin.variant;
  return fmt::format("plugins/{}/{}--{}.lock", plugin.type, name, variant);
}

void read_lock_files(const fs::path& root, const fs::path& folder, Project& project,
                     Report& report) {
  for (Plugin& plugin : project.plugins) {
    if (plugin.name.empty() || plugin.type == "mappings" || !needs_lock_file(project, plugin)) {
      continue;
    }
    const std::string path = lock_file_path(plugin);
    const auto text = read_file_beneath(root, folder / path, largest_lock_file);
    if (!text && text.error().kind == Error::Kind::not_found) {
      report.add(
          {plugin.place,
           fmt::format("The plugin {} has neither a definition here nor a lock file: there is "
                       "no {}.",
                       cupola::quoted(plugin.name), path),
           remedy(plugin), false});
      continue;
    }
    if (!text) {
      report.add({plugin.place,
                  fmt::format("The lock file of the plugin {} cannot be read: {}",
                              cupola::quoted(plugin.name), text.error().message),
                  remedy(plugin), false});
      continue;
    }
    const auto content = parse_json(*text);
    if (!content || !content->is_object()) {
      const std::string why = content ? "It is no JSON object." : content.error().message;
      report.add({{path, 1, 1},
                  fmt::format("The lock file of the plugin {} cannot be read: {}",
                              cupola::quoted(plugin.name), why),
                  "Run `meltano lock --update --all` and commit the folder plugins/.",
                  false});
      continue;
    }
    plugin.definition = to_definition(path, content->get_object());
  }
}

}  // namespace cupola::meltano
