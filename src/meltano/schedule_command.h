#pragma once

/// What a schedule runs, as `meltano schedule run` has it in 4.4.1.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "meltano/project.h"

namespace cupola::meltano {

/// The arguments of `meltano` after its global options. A job: {"run", JOB}. The older form:
/// {"elt", EXTRACTOR, LOADER, "--transform=…", "--state-id=<name of the schedule>"}. Options for
/// `run` come after the first word, those for `elt` at the end. The schedule's `env` goes into the
/// process environment.
std::vector<std::string> command_of(const Schedule& schedule);

/// The state ids that a run of the schedule uses. In the older form that is the schedule's name,
/// whatever the environment and its suffix. Fails (invalid) where the job or a plugin of it is not
/// there.
Result<std::vector<std::string>> state_ids_of(const Project& project, std::string_view environment,
                                              const Schedule& schedule,
                                              std::string_view state_id_suffix,
                                              const std::map<std::string, std::string>& env);

}  // namespace cupola::meltano
