#include "meltano/project.h"

namespace cupola::meltano {
namespace {

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
    const json::value* name = plugin.written.if_contains("name");
    list_at(names, plugin.type).push_back(name == nullptr ? json::value() : *name);
    list_at(details, plugin.type).push_back(plugin.written);
    for (const json::value& mapping : plugin.mappings_written) {
      list_at(mappings, plugin.name).push_back(mapping);
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

/// The fault that official Meltano would stop at.
json::object first_error(const std::vector<Fault>& faults) {
  const Fault* first = nullptr;
  for (const Fault& fault : faults) {
    if (fault.rejects && (first == nullptr || fault.stage < first->stage)) first = &fault;
  }
  return {{"stage", first->stage == Fault::Stage::project ? "parse" : "yaml"},
          {"message", json_text(first->message)},
          {"line", first->place.line}};
}

}  // namespace

json::object to_json(const Inspection& inspection) {
  json::object object;
  object["ok"] = inspection.ok;
  if (inspection.ok) {
    add_project(inspection.project, object);
  } else {
    object["error"] = first_error(inspection.faults);
  }
  json::array faults;
  for (const Fault& fault : inspection.faults) faults.push_back(to_json(fault));
  object["faults"] = std::move(faults);
  return object;
}

}  // namespace cupola::meltano
