#pragma once

/// The parts of a plugin's definition: settings, commands, requirements.

#include <string>

#include "meltano/project.h"
#include "meltano/report.h"
#include "meltano/yaml.h"

namespace cupola::meltano {

/// An entry of `settings:`.
Setting read_setting(const yaml::Node& node, Report& report);

/// A value of `commands:`, text or a mapping.
Command read_command(const yaml::Node& node, const std::string& name, Report& report);

/// Reports what official Meltano refuses in `requires:`.
void check_requires(const yaml::Node& node, Report& report);

}  // namespace cupola::meltano
