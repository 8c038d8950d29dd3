#include <fmt/format.h>

#include "base/text.h"
#include "meltano/fields.h"
#include "meltano/read.h"
#include "meltano/variables.h"

namespace cupola::meltano {
namespace {

using yaml::Node;

/// Official Meltano turns every value of the root's `env` into text; null stays null.
void read_env(const Fields& fields, Project& project) {
  const Node* env = fields.find("env");
  if (env == nullptr || env->is_falsy()) return;
  if (!env->is_mapping()) {
    fields.report().reject(env->mark,
                           fmt::format("'env' must be a mapping; this is {}.", in_words(*env)),
                           "Write 'NAME: value' lines.");
    return;
  }
  project.env = fields.texts("env");
  for (const yaml::Entry& entry : env->entries) {
    json::value value;
    if (!entry.value.is_null()) value = json_text(to_python_text(entry.value));
    project.env_written[json_text(entry.key.text)] = std::move(value);
  }
}

/// A setting of the project itself, written nested or with dots: `state_backend: {uri: …}` or
/// `state_backend.uri: …`. Nothing where there is none.
const Node* find_setting(const Fields& fields, std::string_view name) {
  const Node* value = fields.find(name);
  const std::size_t dot = name.find('.');
  if (value == nullptr && dot != std::string_view::npos) {
    const Node* outer = fields.find(name.substr(0, dot));
    if (outer != nullptr) value = outer->find(name.substr(dot + 1));
  }
  return value == nullptr || value->is_null() || value->is_mapping() ? nullptr : value;
}

/// Variables in it count as unset: this reads files, not an environment.
json::value setting(const Fields& fields, std::string_view name) {
  const Node* value = find_setting(fields, name);
  if (value == nullptr) return nullptr;
  if (!value->is_text()) return to_json(*value);
  const std::string text = variables::expand(value->text, {}).text;
  return text.empty() && !value->text.empty() ? json::value() : json::value(json_text(text));
}

std::string setting_text(const Fields& fields, std::string_view name) {
  const Node* value = find_setting(fields, name);
  if (value == nullptr || value->is_sequence()) return {};
  return value->is_text() ? variables::expand(value->text, {}).text : value->text;
}

}  // namespace

Project read_project(const Node& tree, Report& report) {
  Project project;
  const Fields fields(tree, "meltano.yml", report);
  fields.is_mapping();
  fields.forbid({"self"});

  if (const Node* version = fields.find("version")) {
    project.version = to_json(*version);
    if (version->kind == yaml::Kind::integer && version->integer != 1) {
      report.warn(version->mark, "The 'version' of a meltano.yml is 1.", "Remove the line.");
    }
  }
  if (const Node* required = fields.find("requires_meltano")) {
    project.requires_meltano_written = to_json(*required);
    project.requires_meltano = fields.text("requires_meltano");
  }
  read_env(fields, project);
  project.extras = other_keys(tree, {"version", "requires_meltano", "env", "plugins", "schedules",
                                     "environments", "jobs", "annotations"});
  project.annotations = fields.object("annotations");
  project.default_environment = setting_text(fields, "default_environment");
  project.project_id = setting_text(fields, "project_id");
  project.python = setting_text(fields, "python");
  for (const std::string_view name : {"project_id", "default_environment", "state_backend.uri"}) {
    project.settings_written[name] = setting(fields, name);
  }
  if (find_setting(fields, "state_backend.uri") != nullptr) {
    project.state_backend_uri = setting_text(fields, "state_backend.uri");
  } else {
    project.settings_written["state_backend.uri"] = json_text(project.state_backend_uri);
  }

  const auto section = [&](std::string_view key) -> const Node* {
    const Node* node = fields.find(key);
    return node == nullptr || node->is_falsy() ? nullptr : node;
  };
  if (const Node* node = section("plugins")) project.plugins = read_plugins(*node, report);
  if (const Node* node = section("schedules")) project.schedules = read_schedules(*node, report);
  if (const Node* node = section("jobs")) project.jobs = read_jobs(*node, report);
  if (const Node* node = section("environments")) {
    project.environments = read_environments(*node, report);
  }
  return project;
}

}  // namespace cupola::meltano
