#pragma once

/// What the words after `meltano run` mean: jobs expanded, then split into blocks.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "meltano/project.h"

namespace cupola::meltano {

/// One step of a run.
struct Block {
  enum class Kind {
    extract_load,  ///< an extractor, mappings, a loader
    command,       ///< a command of a plugin: dbt:run
  };

  Kind kind = Kind::extract_load;
  std::string extractor;
  std::string loader;
  std::vector<std::string> mappings;  ///< names of mappings, in order
  std::string plugin;                 ///< of a command
  std::string command;                ///< empty: the plugin is started without one
};

/// Expands jobs in place (once: a job does not call jobs) and splits the words into blocks as
/// official Meltano does. Fails (invalid) where it would: the message names the word, the hint says
/// what may be meant. An unknown command of a plugin is a fault only where all its commands are
/// known.
Result<std::vector<Block>> expand(const Project& project, const std::vector<std::string>& words);

/// `<environment>:<tap>-to-<target>[:<suffix>]` of each extract-load block, in order, each once.
/// The suffix is the given one, as it is; else the environment's, its variables taken from the root
/// `env:` of the project, MELTANO_ENVIRONMENT and `env` (the run's process environment and `.env`).
/// The environment's own `env:` does not count for it, in official Meltano either.
std::vector<std::string> state_ids(const Project& project, std::string_view environment,
                                   const std::vector<Block>& blocks,
                                   std::string_view state_id_suffix,
                                   const std::map<std::string, std::string>& env);

}  // namespace cupola::meltano
