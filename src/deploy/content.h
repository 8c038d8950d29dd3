#pragma once

/// What a release takes from a parsed project: schedules, jobs, what they run and which state they
/// use; and every reason not to take it.

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/environments.h"
#include "meltano/project.h"
#include "store/release_content.h"

namespace cupola::deploy {

/// A fault of the project, and whether it keeps the release from going live.
struct Finding {
  meltano::Fault fault;
  bool fatal = false;
};

struct Judged {
  store::ReleaseContent content;  ///< without commit and plugin environments
  std::vector<Wanted> wanted;     ///< meltano's own is not among them
  /// Same order as `wanted`: where each goes.
  std::vector<store::PluginEnvironment> places;
  std::string requires_meltano;
  std::vector<Finding> findings;
  bool is_fit() const;
};

/// Judges the project for one of its environments. `process_env` is what a run will have: the
/// deployment's secrets and the checkout's `.env`. Fatal are: what official Meltano rejects, an
/// environment that is not there, schedules that cannot run (interval, zone, job, plugins), plugins
/// without definition or lock file, and root `env:` entries that would take state or paths away
/// from Cupola; and schedules whose fires come closer to each other than `shortest_interval` (a day
/// at most; 0: as they like).
Judged judge(const meltano::Inspection& inspection, std::string_view environment,
             std::string_view directory, const std::map<std::string, std::string>& process_env,
             std::chrono::milliseconds shortest_interval = {});

/// "meltano.yml:12:5: message (hint)".
std::string to_text(const meltano::Fault& fault);

}  // namespace cupola::deploy
