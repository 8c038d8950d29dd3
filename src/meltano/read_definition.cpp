#include "meltano/read_definition.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/fields.h"

namespace cupola::meltano {

using yaml::Node;

namespace {

const std::vector<std::string> setting_kinds = {
    "string", "integer", "boolean", "decimal", "date_iso8601", "email", "password",
    "oauth",  "options", "file",    "array",   "object",       "hidden"};

void check_container(const Node& node, Report& report) {
  if (node.is_falsy()) return;
  const Fields fields(node, "The container_spec", report);
  if (!fields.is_mapping()) return;
  fields.require("image", "Name the image.");
  fields.allow_only({"image", "command", "entrypoint", "ports", "volumes", "env"},
                    "Remove the key.");
}

}  // namespace

Setting read_setting(const Node& node, Report& report) {
  Setting setting;
  if (node.is_null()) {
    report.warn(node.mark, "This setting is empty.", "Remove it, or give it a 'name'.");
    return setting;
  }
  const Fields fields(node, "The setting", report);
  if (!fields.is_mapping()) return setting;
  fields.require("name", "Write '- name: …' for each setting.");
  fields.forbid({"self", "_custom", "attrs", "is_extra", "is_custom", "is_redacted"});
  setting.name = fields.text("name");
  setting.env = fields.text("env");
  setting.aliases = fields.list("aliases");
  setting.sensitive = fields.flag("sensitive");
  setting.hidden = fields.flag("hidden");
  if (const Node* value = fields.find("value")) setting.value = to_json(*value);
  const Node* kind = fields.find("kind");
  if (kind != nullptr && !kind->is_falsy()) {
    setting.kind = kind->text;
    const bool known =
        kind->is_text() && std::ranges::find(setting_kinds, kind->text) != setting_kinds.end();
    if (!known) {
      report.reject(kind->mark,
                    fmt::format("There is no kind {} of settings.", cupola::quoted(kind->text)),
                    "Use one of " + join(setting_kinds, ", ") + ".");
    }
  }
  return setting;
}

Command read_command(const Node& node, const std::string& name, Report& report) {
  Command command;
  if (node.is_null()) {
    report.warn(node.mark, fmt::format("The command {} is empty.", cupola::quoted(name)),
                "Give it its arguments as text.");
    return command;
  }
  if (node.is_text()) {
    command.args = node.text;
    return command;
  }
  if (!node.is_mapping()) {
    report.reject(node.mark,
                  fmt::format("The command {} must be text or a mapping with 'args'; this is {}.",
                              cupola::quoted(name), in_words(node)),
                  "Write the arguments as one text.");
    return command;
  }
  const Fields fields(node, "The command " + cupola::quoted(name), report);
  fields.is_mapping();
  fields.allow_only({"args", "description", "executable", "container_spec"}, "Remove the key.");
  command.args = fields.text("args");
  command.description = fields.text("description");
  command.executable = fields.text("executable");
  if (const Node* container = fields.find("container_spec")) check_container(*container, report);
  return command;
}

void check_requires(const Node& node, Report& report) {
  if (node.is_null()) return;
  if (!node.is_mapping()) {
    report.reject(node.mark,
                  "'requires' must be a mapping of plugin types; this is " + in_words(node) + ".",
                  "Write 'files:' and the list of plugins below it.");
    return;
  }
  for (const yaml::Entry& type : node.entries) {
    if (!type.value.is_sequence()) {
      if (type.value.is_falsy() && (type.value.is_text() || type.value.is_mapping())) continue;
      report.reject(type.value.mark,
                    fmt::format("{} must be a list of plugins; this is {}.",
                                cupola::quoted(type.key.text), in_words(type.value)),
                    "Write '- name: …' for each plugin.");
      continue;
    }
    for (const Node& item : type.value.items) {
      if (item.is_null()) continue;
      const Fields fields(item, "The required plugin", report);
      if (!fields.is_mapping()) continue;
      fields.require("name", "Add 'name:'.");
      fields.allow_only({"name", "variant"}, "Remove the key.");
    }
  }
}

}  // namespace cupola::meltano
