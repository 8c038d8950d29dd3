#include "meltano/requirements.h"

#include <algorithm>
#include <set>

#include "base/digest.h"
#include "base/text.h"
#include "meltano/inheritance.h"
#include "meltano/shell_words.h"
#include "meltano/variables.h"

namespace cupola::meltano {
namespace {

/// "extractors" gives "EXTRACTOR", "utilities" "UTILITY".
std::string singular(std::string_view type) {
  if (type == "utilities") return "UTILITY";
  return to_upper(type.substr(0, type.size() - 1));
}

std::map<std::string, std::string> env_of(const Project& project, const Plugin& plugin,
                                          const Resolved& resolved, std::string_view environment) {
  std::map<std::string, std::string> env;
  env["MELTANO_ENVIRONMENT"] = environment;
  for (const auto& [name, value] : project.env) env[name] = value;
  const std::string prefix = "MELTANO_" + singular(plugin.type) + "_";
  env[prefix + "NAME"] = plugin.name;
  env[prefix + "NAMESPACE"] = resolved.namespace_;
  env[prefix + "VARIANT"] = resolved.variant.empty() ? "default" : resolved.variant;
  for (const auto& [name, value] : plugin.env) env[name] = value;
  return env;
}

}  // namespace

std::vector<PluginEnvironment> required_environments(const Project& project,
                                                     std::string_view environment) {
  std::vector<PluginEnvironment> environments;
  for (const Plugin& plugin : project.plugins) {
    const auto resolved = resolve(project, plugin);
    if (!resolved || !resolved->pip_url || resolved->pip_url->empty()) continue;
    const auto here = std::ranges::find_if(environments, [&](const PluginEnvironment& known) {
      return known.type == plugin.type && known.directory_name == resolved->directory_name;
    });
    if (here != environments.end()) {
      here->plugins.push_back(plugin.name);
      continue;
    }
    environments.push_back({.type = plugin.type,
                            .directory_name = resolved->directory_name,
                            .pip_url = *resolved->pip_url,
                            .python = resolved->python.empty() ? project.python : resolved->python,
                            .plugins = {plugin.name},
                            .env = env_of(project, plugin, *resolved, environment),
                            .place = plugin.place});
  }
  return environments;
}

std::map<std::string, std::string> variables_for(
    const PluginEnvironment& environment, const std::map<std::string, std::string>& process_env) {
  std::map<std::string, std::string> values = process_env;
  for (const auto& [name, value] : environment.env) {
    values[name] = variables::expand(value, process_env).text;
  }
  return values;
}

Result<std::string> fingerprint(std::string_view expanded_pip_url, std::string_view python) {
  const auto words = shell_words(expanded_pip_url);
  if (!words) return words.error();
  const std::set<std::string> sorted(words->begin(), words->end());
  std::vector<std::string> parts(sorted.begin(), sorted.end());
  if (!python.empty()) parts.push_back("python:" + std::string(python));
  return sha256_hex(join(parts, " "));
}

}  // namespace cupola::meltano
