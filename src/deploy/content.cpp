#include "deploy/content.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "base/time.h"
#include "cron/expression.h"
#include "cron/zone.h"
#include "meltano/blocks.h"
#include "meltano/inheritance.h"
#include "meltano/requirements.h"
#include "meltano/schedule_command.h"
#include "meltano/variables.h"
#include "store/attempts.h"

namespace cupola::deploy {
namespace {

using meltano::Fault;
using meltano::Place;

/// Variables that are Cupola's in every run. A root `env:` beats the run's own environment.
constexpr std::string_view taken_variables[] = {
    "MELTANO_STATE_BACKEND_URI", "MELTANO_SYS_DIR_ROOT", "MELTANO_PROJECT_ROOT",
    "MELTANO_PROJECT_READONLY",  "MELTANO_RUN_ID",       "MELTANO_ENVIRONMENT"};

constexpr std::string_view default_persist = "output";

const json::object& cupola_notes(const json::object& annotations) {
  static const json::object none;
  const auto* notes = annotations.if_contains("cupola");
  return notes != nullptr && notes->is_object() ? notes->get_object() : none;
}

bool holds_something(const meltano::Project& project) {
  return !(project.plugins.empty() && project.environments.empty() && project.jobs.empty() &&
           project.schedules.empty());
}

class Judge {
 public:
  Judge(const meltano::Inspection& inspection, std::string_view environment,
        std::string_view directory, const std::map<std::string, std::string>& process_env)
      : project_(inspection.project),
        environment_(environment),
        is_read_(inspection.ok || holds_something(inspection.project)),
        env_(process_env) {
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
    read_project_notes();
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

  void read_project_notes() {
    const json::object& notes = cupola_notes(project_.annotations);
    const auto* persist = notes.if_contains("persist");
    if (persist == nullptr) {
      judged_.content.persist = {std::string(default_persist)};
      return;
    }
    const bool list = persist->is_array();
    for (const auto& item : list ? persist->get_array() : json::array{*persist}) {
      const auto* text = item.if_string();
      const std::filesystem::path path =
          text == nullptr ? "" : std::filesystem::path(std::string(*text)).lexically_normal();
      if (path.empty() || path.is_absolute() || path == "." || *path.begin() == ".." ||
          *path.begin() == ".meltano") {
        fail({"meltano.yml", 0, 0},
             "`annotations: cupola: persist:` names something else than folders of the project.",
             "Give paths below the project's directory, such as output.");
        continue;
      }
      std::string kept = path.string();
      while (kept.ends_with('/')) kept.pop_back();
      judged_.content.persist.push_back(std::move(kept));
    }
  }

  std::string note(const meltano::Schedule& schedule, std::string_view key) const {
    const json::object& own = cupola_notes(schedule.annotations);
    return text_at(own, key, text_at(cupola_notes(project_.annotations), key));
  }

  /// A value that is no text, of the schedule or else of the project; null where there is none.
  const json::value* noted(const meltano::Schedule& schedule, std::string_view key) const {
    const json::object& own = cupola_notes(schedule.annotations);
    const json::value* value = own.if_contains(key);
    return value != nullptr ? value : cupola_notes(project_.annotations).if_contains(key);
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
    if (!expression) refuse(schedule.interval_place, expression.error());

    const std::string zone = note(schedule, "timezone");
    content.settings.timezone = zone.empty() ? "UTC" : zone;
    if (const auto found = cron::Zone::find(content.settings.timezone); !found) {
      refuse(schedule.place, found.error());
    }
    if (const std::string text = note(schedule, "overlap"); !text.empty()) {
      const auto overlap = store::parse_overlap(text);
      if (overlap)
        content.settings.overlap = *overlap;
      else
        wrong("overlap", text, "Use queue_one, skip or allow.");
    }
    if (const std::string text = note(schedule, "missed"); !text.empty()) {
      const auto missed = store::parse_missed(text);
      if (missed)
        content.settings.missed = *missed;
      else
        wrong("missed", text, "Use latest, skip or all.");
    }
    if (const std::string text = note(schedule, "run_timeout"); !text.empty()) {
      const auto span = parse_span(text);
      if (span && *span > 0ms)
        content.settings.run_timeout = *span;
      else
        wrong("run_timeout", text, "Give a span such as 90m or 6h.");
    }
    if (const json::value* value = noted(schedule, "retries")) {
      json::error_code error;
      const auto retries = value->to_number<int>(error);
      if (!error && retries >= 0 && retries <= store::most_retries)
        content.settings.retries = retries;
      else
        wrong("retries", json::serialize(*value),
              fmt::format("Give a whole number from 0 to {}.", store::most_retries));
    }
    if (const json::value* value = noted(schedule, "retry_wait")) {
      const auto span = value->is_string() ? parse_span(std::string(value->get_string()))
                                           : std::optional<std::chrono::milliseconds>();
      if (span && *span <= store::longest_back_off)
        content.settings.retry_wait = *span;
      else
        wrong("retry_wait", json::serialize(*value), "Give a span such as 30s or 5m, up to 1h.");
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
  Judged judged_;
};

}  // namespace

bool Judged::is_fit() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.fatal; });
}

Judged judge(const meltano::Inspection& inspection, std::string_view environment,
             std::string_view directory, const std::map<std::string, std::string>& process_env) {
  return Judge(inspection, environment, directory, process_env).run();
}

std::string to_text(const Fault& fault) {
  std::string place = fault.place.file;
  if (fault.place.line > 0) place += fmt::format(":{}:{}", fault.place.line, fault.place.column);
  std::string text = place.empty() ? fault.message : fmt::format("{}: {}", place, fault.message);
  if (!fault.hint.empty()) text += fmt::format(" ({})", fault.hint);
  return text;
}

}  // namespace cupola::deploy
