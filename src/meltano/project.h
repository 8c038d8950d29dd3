#pragma once

/// What a project directory says: its `meltano.yml`, the files that it includes and its lock files,
/// read natively, as official Meltano 4.4.1 reads them.
///
/// Where official Meltano stops at the first fault, all faults come back, each with its place and
/// what to do. Nothing is opened outside the project's folder, no symbolic link is followed out of
/// it, and limits hold for size, depth and aliases. No network, no database, no clock.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace cupola::meltano {

/// A place in a file. `file` is relative to the project's folder; line and column count from 1,
/// 0 where the fault is the file's as a whole.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Fault {
  /// How far official Meltano comes before it meets the fault.
  enum class Stage {
    form,     ///< the text is no YAML
    value,    ///< it is, but not every value in it can be taken
    project,  ///< the values make no project, or one that stumbles later
  };

  Place place;
  std::string message;  ///< what is wrong, one sentence
  std::string hint;     ///< what to do about it
  /// True where official Meltano refuses the whole project; false where it would only stumble
  /// later, when the thing is used.
  bool rejects = true;
  Stage stage = Stage::project;
};

/// An entry of `schedules:`.
struct Schedule {
  std::string name;
  std::string interval;  ///< as written, unchecked; empty where there is none (null)
  std::string job;       ///< empty in the older form: extractor, loader, transform
  std::string extractor;
  std::string loader;
  std::string transform;  ///< "skip", "run" or "only"
  std::map<std::string, std::string> env;
  json::object annotations;
  Place place;
  Place interval_place;  ///< of the value of `interval`

  json::object written;  ///< the entry in the form of `cupola inspect`
};

/// An entry of `jobs:`.
struct Job {
  std::string name;
  std::vector<std::string> tasks;  ///< each a block as text, words separated by one space
  /// `tasks:` is one text instead of a list: official Meltano reads that letter by letter, so that
  /// the job cannot run.
  bool one_text = false;
  json::object annotations;
  Place place;

  json::object written;
};

/// What an environment says about one plugin.
struct EnvironmentPlugin {
  std::string type;
  std::string name;
  json::object config;
  json::object extras;
  std::map<std::string, std::string> env;
  Place place;
};

/// An entry of `environments:`.
struct Environment {
  std::string name;
  std::string state_id_suffix;  ///< unexpanded, empty where there is none
  std::map<std::string, std::string> env;
  std::vector<EnvironmentPlugin> plugins;
  json::object annotations;
  Place place;

  json::object written;
};

/// A command of a plugin: `plugin:command` in a task.
struct Command {
  std::string args;        ///< unexpanded, to be split by shell rules
  std::string executable;  ///< empty for the plugin's own
  std::string description;
};

struct Setting {
  std::string name;
  std::string kind;  ///< as written, empty where there is none
  std::string env;
  std::vector<std::string> aliases;
  json::value value;  ///< the default
  bool sensitive = false;
  bool hidden = false;
};

/// What a lock file `plugins/<type>/<name>--<variant>.lock` says.
struct Definition {
  std::string file;
  std::string namespace_;
  std::string variant;
  std::optional<std::string> pip_url;
  std::string executable;
  std::string python;
  std::vector<std::string> capabilities;
  std::map<std::string, Command> commands;
  std::vector<Setting> settings;
};

/// An entry of `plugins:`. The texts are as written, unexpanded, empty where absent; what parents
/// and lock files add is in inheritance.h.
struct Plugin {
  std::string type;  ///< "extractors", "loaders", …
  std::string name;
  std::string inherit_from;
  std::string namespace_;
  std::string variant;
  std::optional<std::string> pip_url;
  std::string executable;
  std::string python;
  std::vector<std::string> capabilities;
  std::map<std::string, Command> commands;
  std::vector<Setting> settings;
  json::object config;
  json::object extras;  ///< `select`, `metadata`, `mappings` … and every key that is not known
  std::map<std::string, std::string> env;
  json::object annotations;
  std::vector<std::string> mappings;  ///< of a mapper: the names of its mappings
  std::string requires_meltano;
  std::optional<Definition> definition;  ///< of the plugin's own lock file, where it needs one
  Place place;

  json::object written;
  json::array mappings_written;
};

struct Project {
  json::value version;  ///< as written; null where absent
  std::string requires_meltano;
  std::string default_environment;
  std::string project_id;
  std::string state_backend_uri = "systemdb";
  std::string python;  ///< the `python:` for all plugins that name none
  std::map<std::string, std::string> env;
  json::object extras;  ///< every other key at the top
  json::object annotations;
  std::vector<Environment> environments;
  std::vector<Schedule> schedules;
  std::vector<Job> jobs;
  std::vector<Plugin> plugins;  ///< by type in official Meltano's order, then as written
  json::object env_written;     ///< `env` in the form of `cupola inspect`
  json::value requires_meltano_written;
  json::object settings_written;  ///< project_id, default_environment, state_backend.uri

  /// The first of that name, or nothing. The pointers live as long as the project.
  const Schedule* find_schedule(std::string_view name) const;
  const Job* find_job(std::string_view name) const;
  const Environment* find_environment(std::string_view name) const;
  const Plugin* find_plugin(std::string_view type, std::string_view name) const;
  /// The first of any type, by official Meltano's order of types; how `meltano run` finds a word.
  const Plugin* find_plugin(std::string_view name) const;
  /// The mapper that has a mapping of this name.
  const Plugin* find_mapper_of(std::string_view mapping) const;
};

struct Inspection {
  /// False exactly where a fault rejects: where official Meltano refuses the project.
  bool ok = true;
  Project project;            ///< what could be read, also where `ok` is false
  std::vector<Fault> faults;  ///< by file, line and column
};

/// Reads the project in `directory`, which is relative to `root` ("." for the root itself) or an
/// absolute path below it. `root` bounds every file that is opened; includes and links must also
/// stay in `directory`, as official Meltano has it.
///
/// What is wrong in the files comes back as faults, a missing `meltano.yml` too. Throws Failure
/// when the system cannot read a file that is there.
Inspection inspect(const std::filesystem::path& root, const std::filesystem::path& directory);

/// `{"ok", …, "faults": [{"file", "line", "column", "message", "hint", "severity"}]}`. With `ok`,
/// between them: version, requires_meltano, extras, env, schedules, jobs, environments, plugins
/// (names by type), mappings (names by mapper), plugin_details, project_id, default_environment and
/// state_backend.uri. Else `error: {stage, message, line}`, the fault that official Meltano meets
/// first; its stage is "yaml" or "parse". Severity is "rejects" or "warning".
json::object to_json(const Inspection& inspection);

/// Official Meltano's plugin types, in its order.
const std::vector<std::string>& plugin_types();

}  // namespace cupola::meltano
