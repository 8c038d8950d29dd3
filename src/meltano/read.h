#pragma once

/// From the merged tree to the parts of a Project. Each function reports what official Meltano
/// refuses, and gives what can be read all the same.

#include <vector>

#include "meltano/project.h"
#include "meltano/report.h"
#include "meltano/yaml.h"

namespace cupola::meltano {

/// The value of `plugins:`.
std::vector<Plugin> read_plugins(const yaml::Node& node, Report& report);

/// The value of `environments:`, `schedules:`, `jobs:`.
std::vector<Environment> read_environments(const yaml::Node& node, Report& report);
std::vector<Schedule> read_schedules(const yaml::Node& node, Report& report);
std::vector<Job> read_jobs(const yaml::Node& node, Report& report);

/// The `name` of a plugin or environment: text without ':', which separates the parts of state ids.
std::string read_name(const yaml::Node& name, Report& report);

/// The whole tree, a mapping.
Project read_project(const yaml::Node& tree, Report& report);

/// The entries of a list that official Meltano walks through: a fault when `node` is neither a list
/// nor empty. `what` names it: "'schedules'".
const std::vector<yaml::Node>& entries_of(const yaml::Node& node, std::string_view what,
                                          Report& report);

}  // namespace cupola::meltano
