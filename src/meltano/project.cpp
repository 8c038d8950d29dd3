#include "meltano/project.h"

#include <algorithm>

namespace cupola::meltano {
namespace {

template <typename T>
const T* find_named(const std::vector<T>& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &T::name);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

const Schedule* Project::find_schedule(std::string_view name) const {
  return find_named(schedules, name);
}

const Job* Project::find_job(std::string_view name) const {
  return find_named(jobs, name);
}

const Environment* Project::find_environment(std::string_view name) const {
  return find_named(environments, name);
}

const Plugin* Project::find_plugin(std::string_view type, std::string_view name) const {
  const auto found = std::ranges::find_if(
      plugins, [&](const Plugin& plugin) { return plugin.type == type && plugin.name == name; });
  return found == plugins.end() ? nullptr : &*found;
}

const Plugin* Project::find_plugin(std::string_view name) const {
  return find_named(plugins, name);
}

const Plugin* Project::find_mapper_of(std::string_view mapping) const {
  const auto found = std::ranges::find_if(plugins, [&](const Plugin& plugin) {
    return std::ranges::find(plugin.mappings, mapping) != plugin.mappings.end();
  });
  return found == plugins.end() ? nullptr : &*found;
}

}  // namespace cupola::meltano
