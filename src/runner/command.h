#pragma once

/// What a run executes, and in which environment: pure, from a release's content and the run.

#include <map>
#include <string>
#include <vector>

#include "base/outcome.h"
#include "store/release_content.h"
#include "store/runs.h"

namespace cupola::runner {

/// Paths as the run sees them: fixed ones inside a sandbox, real ones where there is none.
struct Layout {
  std::string project;       ///< the project's directory, where meltano starts
  std::string state;         ///< folder of the state files
  std::string scratch;       ///< HOME, thrown away
  std::string log_config;    ///< file that makes meltano log JSON
  std::string environments;  ///< folder of the plugin environments
  std::string secrets;       ///< folder of the secrets that are given as files
};

/// What the run is: the schedule's command, or the words given by hand. Errors: not_found when the
/// release no longer has the schedule.
struct Work {
  std::vector<std::string> words;  ///< for meltano, from "run" (or "el") on
  std::map<std::string, std::string> env;
  std::vector<std::string> state_ids;
};
Result<Work> work_of(const store::Run& run, const store::ReleaseContent& content);

/// The argv for meltano from its own environment, with the options of the run put in.
std::vector<std::string> meltano_command(const store::Run& run,
                                         const store::ReleaseContent& content, const Work& work,
                                         const Layout& layout);

/// All of the run's environment but its secrets: what the schedule and the asker set, and over that
/// what Cupola needs (state, log format, paths), which nobody can change.
std::map<std::string, std::string> run_environment(const store::Run& run,
                                                   const store::ReleaseContent& content,
                                                   const Work& work, const Layout& layout);

}  // namespace cupola::runner
