#pragma once

/// The plugin environments that a project needs: what `meltano install` would build, and the
/// fingerprint by which `meltano run` sees that it is there.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "meltano/project.h"

namespace cupola::meltano {

/// One virtual environment: `.meltano/<type>/<directory_name>/venv`.
struct PluginEnvironment {
  std::string type;
  std::string directory_name;
  std::string pip_url;               ///< unexpanded
  std::string python;                ///< of the plugin, else of the project; empty for the system's
  std::vector<std::string> plugins;  ///< who uses it; the first is whose `pip_url` it is
  /// What the project itself says about variables in `pip_url`, unexpanded, strongest last applied:
  /// root `env:`, MELTANO_ENVIRONMENT, MELTANO_EXTRACTOR_NAME and the like, the plugin's `env:`.
  /// The process environment and `.env` are the caller's to add, see `variables_for`.
  std::map<std::string, std::string> env;
  Place place;
};

/// All of them, each once, in the order of the plugins. Plugins without `pip_url`, those whose lock
/// file is missing and those that inherit in a circle need none (the last two are faults of
/// `inspect`).
std::vector<PluginEnvironment> required_environments(const Project& project,
                                                     std::string_view environment);

/// The values by which `pip_url` is expanded: `process_env` (with MELTANO__PYTHON_VERSION,
/// MELTANO_PROJECT_ROOT and `.env` in it) below what the project says, that expanded by it once.
std::map<std::string, std::string> variables_for(
    const PluginEnvironment& environment, const std::map<std::string, std::string>& process_env);

/// What official Meltano writes to `.meltano_plugin_fingerprint` in a virtual environment: SHA-256
/// over the sorted words of the expanded `pip_url`, each once, and "python:<path>" where `python`
/// is not the one that runs Meltano (give it empty then). Fails (invalid) for an open quote.
Result<std::string> fingerprint(std::string_view expanded_pip_url, std::string_view python);

}  // namespace cupola::meltano
