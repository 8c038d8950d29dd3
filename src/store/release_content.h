#pragma once

/// What a release says, as kept in the columns `content`, `lock` and `plan`: all that the
/// scheduler, the runner and the API need of a commit without reading its files.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"
#include "store/schedules.h"

namespace cupola::store {

/// A plugin environment as a release uses it.
struct PluginEnvironment {
  std::string type;            ///< "extractors", "loaders", …
  std::string directory_name;  ///< the run finds it at .meltano/<type>/<directory_name>/venv
  std::string key;             ///< content address: a folder of Home::environments
  std::string fingerprint;     ///< content of .meltano_plugin_fingerprint
  std::vector<std::string> plugins;
};

/// How a schedule is run for an interval that has gone by.
struct BackfillTemplate {
  std::string start_variable;   ///< is given the interval's start, RFC 3339 in UTC
  std::string end_variable;     ///< is given its end
  std::string state_id_suffix;  ///< how state ids of backfills begin after the last colon
};

/// A schedule of the release: its settings, and what its run executes.
struct ContentSchedule {
  ReleasedSchedule settings;
  std::vector<std::string> command;  ///< words for meltano, from "run" (or "el") on
  std::map<std::string, std::string> env;
  std::string job;  ///< empty for the legacy form
  std::optional<BackfillTemplate> backfill;
};

struct ContentJob {
  std::string name;
  std::vector<std::string> tasks;
  std::vector<std::string> state_ids;
};

struct ReleaseContent {
  std::string commit;
  std::string directory;  ///< of the project in the checkout, "." for its root
  std::string environment;
  std::string state_id_suffix;      ///< the environment's, expanded
  std::string meltano_version;      ///< such as "4.4.1"
  std::string meltano_environment;  ///< key of meltano's own environment
  std::string python;               ///< the interpreter of meltano's environment, absolute path
  std::vector<PluginEnvironment> environments;
  std::vector<ContentSchedule> schedules;
  std::vector<ContentJob> jobs;
  std::vector<std::string> persist;          ///< paths in the project's directory that outlive runs
  std::vector<std::string> read_only_paths;  ///< host paths that interpreters outside /usr need
  /// Paths of the repository, outside the project's directory, whose change is a change too.
  std::vector<std::string> watch;
  std::string sources;                 ///< digest of the project's directory and what is watched
  std::vector<std::string> build;      ///< tasks that ran once in the checkout
  std::vector<std::string> artifacts;  ///< globs in the project's directory, kept of each run
  /// Where the project keeps its state itself, without credentials; empty: Cupola keeps it.
  std::string own_state;
};

/// The schedule of that name, or none.
const ContentSchedule* find_schedule(const ReleaseContent& content, std::string_view name);

/// The state ids that the schedule's run takes under this suffix in place of the environment's. Not
/// for the legacy form, which knows no suffix.
std::vector<std::string> state_ids_under(const ReleaseContent& content,
                                         const ContentSchedule& schedule, std::string_view suffix);

std::string to_json_text(const ReleaseContent& content);
/// Throws Failure when the column does not hold what `to_json_text` wrote.
ReleaseContent parse_release_content(std::string_view text);

}  // namespace cupola::store
