#include "meltano/inheritance.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::meltano {
namespace {

std::string namespace_from(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Settings of the parent that the child does not define anew, then the child's.
std::vector<Setting> merged(std::vector<Setting> parents, const std::vector<Setting>& own) {
  std::erase_if(parents, [&](const Setting& setting) {
    return std::ranges::find(own, setting.name, &Setting::name) != own.end();
  });
  parents.insert(parents.end(), own.begin(), own.end());
  return parents;
}

Resolved from_definition(const Definition& definition, const Plugin& plugin) {
  const std::string& name = plugin.inherit_from.empty() ? plugin.name : plugin.inherit_from;
  return {.namespace_ = definition.namespace_,
          .variant = definition.variant,
          .pip_url = definition.pip_url,
          .executable = definition.executable.empty() ? name : definition.executable,
          .python = definition.python,
          .capabilities = definition.capabilities,
          .commands = definition.commands,
          .settings = definition.settings,
          .directory_name = name};
}

void lay_over(Resolved& base, const Plugin& plugin) {
  const bool inherits = !plugin.inherit_from.empty();
  const bool same_url =
      !plugin.pip_url || plugin.pip_url->empty() || plugin.pip_url == base.pip_url;
  if (!inherits || !same_url) base.directory_name = plugin.name;
  if (!plugin.namespace_.empty()) {
    base.namespace_ = plugin.namespace_;
  } else if (inherits) {
    base.namespace_ = namespace_from(plugin.name);
  }
  if (!plugin.variant.empty()) base.variant = plugin.variant;
  if (plugin.pip_url) base.pip_url = plugin.pip_url;
  if (!plugin.executable.empty()) base.executable = plugin.executable;
  if (!plugin.python.empty()) base.python = plugin.python;
  if (!plugin.capabilities.empty()) base.capabilities = plugin.capabilities;
  for (const auto& [name, command] : plugin.commands) base.commands[name] = command;
  base.settings = merged(std::move(base.settings), plugin.settings);
}

}  // namespace

const Plugin* parent_of(const Project& project, const Plugin& plugin) {
  if (plugin.inherit_from.empty() || !plugin.variant.empty()) return nullptr;
  return project.find_plugin(plugin.type, plugin.inherit_from);
}

Result<Resolved> resolve(const Project& project, const Plugin& plugin) {
  std::vector<const Plugin*> chain{&plugin};
  while (const Plugin* parent = parent_of(project, *chain.back())) {
    if (std::ranges::find(chain, parent) != chain.end()) {
      return Error{Error::Kind::invalid,
                   fmt::format("The plugin {} inherits from {}, which inherits from it again.",
                               cupola::quoted(plugin.name), cupola::quoted(chain.back()->name)),
                   "Break the circle: let one of them name no 'inherit_from'."};
    }
    chain.push_back(parent);
  }
  const Plugin& oldest = *chain.back();
  Resolved result;
  if (oldest.definition) {
    result = from_definition(*oldest.definition, oldest);
  } else {
    result.executable = oldest.name;
    result.directory_name = oldest.name;
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) lay_over(result, **it);
  return result;
}

}  // namespace cupola::meltano
