#pragma once

/// What a plugin is once its parents and lock files are counted in: own values before those of the
/// plugin that it inherits from, those before its lock file.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/outcome.h"
#include "meltano/project.h"

namespace cupola::meltano {

struct Resolved {
  std::string namespace_;
  std::string variant;
  std::optional<std::string> pip_url;  ///< unexpanded; nothing where there is nothing to install
  std::string executable;              ///< the plugin's name where none is given
  std::string python;                  ///< empty for the project's or the system's
  std::vector<std::string> capabilities;
  std::map<std::string, Command> commands;
  std::vector<Setting> settings;
  /// The environment it runs from lies at .meltano/<type>/<directory_name>/venv.
  std::string directory_name;
};

/// The plugin of the project that `plugin` inherits from; nothing when its parent is a lock file or
/// its own definition.
const Plugin* parent_of(const Project& project, const Plugin& plugin);

/// Fails (invalid) when the inheritance goes in a circle; the message names the plugins.
Result<Resolved> resolve(const Project& project, const Plugin& plugin);

}  // namespace cupola::meltano
