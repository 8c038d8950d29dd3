#include "meltano/project.h"

namespace cupola::meltano {
namespace {

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value() : json::value(json_text(text));
}

template <typename T>
json::array written_of(const std::vector<T>& list) {
  json::array array;
  for (const T& item : list) array.push_back(item.written);
  return array;
}

/// The list at a key, made where it is not there yet.
json::array& list_at(json::object& object, std::string_view key) {
  return object.emplace(key, json::array()).first->value().as_array();
}

void add_project(const Project& project, json::object& object) {
  json::object names;
  json::object details;
  json::object mappings;
  for (const Plugin& plugin : project.plugins) {
    list_at(names, plugin.type).push_back(json_text(plugin.name));
    list_at(details, plugin.type).push_back(plugin.written);
    for (const std::string& mapping : plugin.mappings) {
      list_at(mappings, plugin.name).push_back(text_or_null(mapping));
    }
  }
  object["version"] = project.version;
  object["requires_meltano"] = project.requires_meltano_written;
  object["extras"] = project.extras;
  object["env"] = project.env_written;
  object["schedules"] = written_of(project.schedules);
  object["jobs"] = written_of(project.jobs);
  object["environments"] = written_of(project.environments);
  object["plugins"] = std::move(names);
  object["mappings"] = std::move(mappings);
  object["plugin_details"] = std::move(details);
  for (const auto& [name, value] : project.settings_written) object[name] = value;
}

json::object to_json(const Fault& fault) {
  return {
      {"file", json_text(fault.place.file)}, {"line", fault.place.line},
      {"column", fault.place.column},        {"message", json_text(fault.message)},
      {"hint", json_text(fault.hint)},       {"severity", fault.rejects ? "rejects" : "warning"}};
}

/// Official Meltano's two steps: reading the text, then making a project of it.
bool is_of_yaml(const Fault& fault) {
  return fault.message.starts_with("This is not") || fault.message.starts_with("The key");
}

}  // namespace

json::object to_json(const Inspection& inspection) {
  json::object object;
  object["ok"] = inspection.ok;
  if (inspection.ok) {
    add_project(inspection.project, object);
  } else {
    for (const Fault& fault : inspection.faults) {
      if (!fault.rejects) continue;
      object["error"] = {{"stage", is_of_yaml(fault) ? "yaml" : "parse"},
                         {"message", json_text(fault.message)},
                         {"line", fault.place.line}};
      break;
    }
  }
  json::array faults;
  for (const Fault& fault : inspection.faults) faults.push_back(to_json(fault));
  object["faults"] = std::move(faults);
  return object;
}

}  // namespace cupola::meltano
