#include "deploy/content.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "base/time.h"
#include "cron/expression.h"
#include "cron/offset.h"
#include "cron/zone.h"
#include "deploy/backfill_template.h"
#include "deploy/project_notes.h"
#include "meltano/blocks.h"
#include "meltano/inheritance.h"
#include "meltano/requirements.h"
#include "meltano/schedule_command.h"
#include "meltano/variables.h"

namespace cupola::deploy {
namespace {

using meltano::Fault;
using meltano::Place;

/// Variables that are Cupola's in every run. A root `env:` beats the run's own environment.
constexpr std::string_view taken_variables[] = {
    "MELTANO_STATE_BACKEND_URI", "MELTANO_SYS_DIR_ROOT", "MELTANO_PROJECT_ROOT",
    "MELTANO_PROJECT_READONLY",  "MELTANO_RUN_ID",       "MELTANO_ENVIRONMENT"};

bool holds_something(const meltano::Project& project) {
  return !(project.plugins.empty() && project.environments.empty() && project.jobs.empty() &&
           project.schedules.empty());
}

class Judge {
 public:
  Judge(const meltano::Inspection& inspection, std::string_view environment,
        std::string_view directory, const std::map<std::string, std::string>& process_env,
        std::chrono::milliseconds shortest_interval)
      : project_(inspection.project),
        environment_(environment),
        is_read_(inspection.ok || holds_something(inspection.project)),
        env_(process_env),
        shortest_interval_(shortest_interval) {
    env_["MELTANO_ENVIRONMENT"] = environment_;
    env_["MELTANO_PROJECT_ROOT"] =
        (std::filesystem::path("/repository") / directory).lexically_normal().string();
    judged_.content.directory = directory;
    judged_.content.environment = environment_;
    judged_.requires_meltano = project_.requires_meltano;
    for (const Fault& fault : inspection.faults) {
      judged_.findings.push_back({fault, fault.rejects});
    }
  }

  Judged run() {
    check_environment();
    check_root_env();
    check_definitions();
    take_project_notes();
    warn_without_schedules();
    for (const auto& schedule : project_.schedules) add(schedule);
    for (const auto& job : project_.jobs) add(job);
    add_environments();
    return std::move(judged_);
  }

 private:
  void fail(const Place& place, std::string message, std::string hint) {
    judged_.findings.push_back({{place, std::move(message), std::move(hint), false}, true});
  }

  /// Marks what `inspect` found at a place as fatal; false when it found nothing there.
  bool mark_fatal(const Place& place) {
    bool found = false;
    for (Finding& finding : judged_.findings) {
      const Place& at = finding.fault.place;
      if (at.file != place.file || at.line != place.line) continue;
      finding.fatal = true;
      found = true;
    }
    return found;
  }

  void check_environment() {
    // Of a file that could not be read, that is what there is to say.
    if (!is_read_) return;
    const auto* found = project_.find_environment(environment_);
    if (found == nullptr) {
      std::vector<std::string> names;
      for (const auto& one : project_.environments) names.push_back(one.name);
      fail({"meltano.yml", 0, 0},
           fmt::format("There is no environment {}.", cupola::quoted(environment_)),
           names.empty() ? "Add it under `environments:`."
                         : fmt::format("Add it under `environments:`, or deploy one of {}.",
                                       join(names, ", ")));
      return;
    }
    auto values = env_;
    for (const auto& [name, value] : project_.env) values[name] = value;
    judged_.content.state_id_suffix =
        meltano::variables::expand(found->state_id_suffix, values).text;
  }

  void check_root_env() {
    for (const std::string_view name : taken_variables) {
      if (!project_.env.contains(std::string(name))) continue;
      fail({"meltano.yml", 0, 0},
           fmt::format("The root `env:` sets {}, which is Cupola's in every run.", name),
           "Take it out; state, paths and environment are given to each run.");
    }
  }

  void check_definitions() {
    for (const auto& plugin : project_.plugins) {
      const bool own = !plugin.namespace_.empty() && plugin.inherit_from.empty();
      if (own || plugin.definition || meltano::parent_of(project_, plugin) != nullptr) continue;
      if (mark_fatal(plugin.place)) continue;
      fail(plugin.place,
           fmt::format("The plugin {} has neither a definition here nor a lock file.",
                       cupola::quoted(plugin.name)),
           "Run `meltano lock --update --all` and commit the folder plugins/.");
    }
  }

  void take_project_notes() {
    const Place file{"meltano.yml", 0, 0};
    ProjectNotes notes =
        read_project_notes(cupola_notes(project_.annotations), judged_.content.directory);
    for (Error& fault : notes.faults) fail(file, std::move(fault.message), std::move(fault.hint));
    for (const std::string& task : notes.build) {
      const auto blocks = meltano::expand(project_, {task});
      if (!blocks) {
        fail(file, "`annotations: cupola: build:` " + blocks.error().message, blocks.error().hint);
      } else if (!meltano::state_ids(project_, environment_, *blocks, "", env_).empty()) {
        fail(file,
             fmt::format("`annotations: cupola: build:` names {}, which moves data.",
                         cupola::quoted(task)),
             "Only commands of plugins are run once for a release; let a schedule do the rest.");
      }
    }
    judged_.content.persist = std::move(notes.persist);
    judged_.content.watch = std::move(notes.watch);
    judged_.content.build = std::move(notes.build);
    judged_.content.artifacts = std::move(notes.artifacts);
  }

  /// Such a project has its use: jobs and tasks are run by hand.
  void warn_without_schedules() {
    if (!is_read_ || !project_.schedules.empty()) return;
    judged_.findings.push_back(
        {{{"meltano.yml", 0, 0},
          "There is no schedule: nothing runs by the clock.",
          "Run jobs and tasks by hand, or add what is to run under `schedules:`.",
          false},
         false});
  }

  /// What is noted of the schedule, or else of the project; null where nothing is.
  const json::value* noted(const meltano::Schedule& schedule, std::string_view key) const {
    const json::object& own = cupola_notes(schedule.annotations);
    const json::value* value = own.if_contains(key);
    return value != nullptr ? value : cupola_notes(project_.annotations).if_contains(key);
  }

  Result<void> check_interval(const cron::Expression& expression) const {
    if (shortest_interval_ == 0ms) return {};
    const auto gap = cron::shortest_gap(expression);
    if (gap >= shortest_interval_) return {};
    return Error{Error::Kind::invalid,
                 fmt::format("it would run {} after it ran before, and this server lets {} pass.",
                             cupola::to_text(gap), cupola::to_text(shortest_interval_)),
                 "Choose a longer interval; the least is the server's --shortest-interval."};
  }

  void tell_of_unknown_notes(const meltano::Schedule& schedule) {
    const auto known = store::schedule_setting_names();
    std::vector<std::string> names(known.begin(), known.end());
    names.emplace_back("backfill");
    for (const auto& [name, value] : cupola_notes(schedule.annotations)) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      std::string hint = fmt::format("Known are {}.", join(names, ", "));
      if (name == "enabled") {
        hint = "Schedules are switched by `cupola schedule enable`, and by nothing else.";
      }
      judged_.findings.push_back(
          {{schedule.place,
            fmt::format("The schedule {}: its annotation cupola: {} does nothing.",
                        cupola::quoted(schedule.name), cupola::quoted(name)),
            std::move(hint), false},
           false});
    }
  }

  void add(const meltano::Schedule& schedule) {
    bool fit = true;
    const auto refuse = [&](const Place& place, const Error& error) {
      fit = false;
      if (!mark_fatal(place)) {
        fail(place,
             fmt::format("The schedule {}: {}", cupola::quoted(schedule.name), error.message),
             error.hint);
      }
    };
    const auto wrong = [&](std::string_view key, std::string_view value, std::string hint) {
      refuse(schedule.place,
             {Error::Kind::invalid,
              fmt::format("its annotation cupola: {} is {}.", key, cupola::quoted(value)),
              std::move(hint)});
    };

    store::ContentSchedule content;
    content.settings.name = schedule.name;
    content.settings.interval = schedule.interval.empty() ? "@manual" : schedule.interval;
    const auto expression = cron::Expression::parse(content.settings.interval);
    if (!expression) {
      refuse(schedule.interval_place, expression.error());
    } else if (const auto allowed = check_interval(*expression); !allowed) {
      refuse(schedule.interval_place, allowed.error());
    }

    for (const std::string_view name : store::schedule_setting_names()) {
      const json::value* value = noted(schedule, name);
      if (value == nullptr) continue;
      const auto rule = store::put_setting(content.settings.given, name, *value);
      if (rule) wrong(name, store::setting_text(*value), fmt::format("Give {}.", *rule));
    }
    if (const auto& zone = content.settings.given.timezone) {
      if (const auto found = cron::Zone::find(*zone); !found) refuse(schedule.place, found.error());
    }
    const auto& offset = content.settings.given.offset;
    if (offset && offset->minutes && expression) {
      const auto fits = cron::check_offset(*expression, *offset->minutes);
      if (!fits) refuse(schedule.place, fits.error());
    }
    tell_of_unknown_notes(schedule);
    if (const auto* value = cupola_notes(schedule.annotations).if_contains("backfill")) {
      const auto backfill = read_backfill(*value);
      if (backfill)
        content.backfill = *backfill;
      else
        refuse(schedule.place, backfill.error());
    }
    content.job = schedule.job;
    content.env = schedule.env;
    content.command = meltano::command_of(schedule);
    const auto ids = meltano::state_ids_of(project_, environment_, schedule, "", env_);
    if (ids)
      content.settings.state_ids = *ids;
    else
      refuse(schedule.place, ids.error());
    for (const auto& other : judged_.content.schedules) {
      if (other.settings.name == schedule.name) {
        refuse(schedule.place,
               {Error::Kind::invalid, "there is another one of this name.", "Rename one of them."});
      }
    }
    if (fit) judged_.content.schedules.push_back(std::move(content));
  }

  void add(const meltano::Job& job) {
    store::ContentJob content{.name = job.name, .tasks = job.tasks};
    // A job that cannot run keeps no release back: `inspect` has told why.
    if (const auto blocks = meltano::expand(project_, {job.name})) {
      content.state_ids = meltano::state_ids(project_, environment_, *blocks, "", env_);
    }
    judged_.content.jobs.push_back(std::move(content));
  }

  void add_environments() {
    for (const auto& required : meltano::required_environments(project_, environment_)) {
      judged_.wanted.push_back(
          {.names = {fmt::format("{}/{}", required.type, required.directory_name)},
           .pip_url = required.pip_url,
           .values = meltano::variables_for(required, env_),
           .python = required.python});
      judged_.places.push_back({.type = required.type,
                                .directory_name = required.directory_name,
                                .plugins = required.plugins});
    }
  }

  const meltano::Project& project_;
  std::string environment_;
  bool is_read_;  ///< whether meltano.yml could be
  std::map<std::string, std::string> env_;
  const std::chrono::milliseconds shortest_interval_;
  Judged judged_;
};

}  // namespace

bool Judged::is_fit() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.fatal; });
}

Judged judge(const meltano::Inspection& inspection, std::string_view environment,
             std::string_view directory, const std::map<std::string, std::string>& process_env,
             std::chrono::milliseconds shortest_interval) {
  return Judge(inspection, environment, directory, process_env, shortest_interval).run();
}

std::string to_text(const Fault& fault) {
  std::string place = fault.place.file;
  if (fault.place.line > 0) place += fmt::format(":{}:{}", fault.place.line, fault.place.column);
  std::string text = place.empty() ? fault.message : fmt::format("{}: {}", place, fault.message);
  if (!fault.hint.empty()) text += fmt::format(" ({})", fault.hint);
  return text;
}

}  // namespace cupola::deploy
