#include "meltano/schedule_command.h"

#include "meltano/blocks.h"

namespace cupola::meltano {

std::vector<std::string> command_of(const Schedule& schedule) {
  if (!schedule.job.empty()) return {"run", schedule.job};
  return {"elt", schedule.extractor, schedule.loader, "--transform=" + schedule.transform,
          "--state-id=" + schedule.name};
}

Result<std::vector<std::string>> state_ids_of(const Project& project, std::string_view environment,
                                              const Schedule& schedule,
                                              std::string_view state_id_suffix,
                                              const std::map<std::string, std::string>& env) {
  if (schedule.job.empty()) return std::vector<std::string>{schedule.name};
  const auto blocks = expand(project, {schedule.job});
  if (!blocks) return blocks.error();
  return state_ids(project, environment, *blocks, state_id_suffix, env);
}

}  // namespace cupola::meltano
