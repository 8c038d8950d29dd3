#include "meltano/checks.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/likeness.h"
#include "base/text.h"
#include "meltano/blocks.h"
#include "meltano/inheritance.h"

namespace cupola::meltano {
namespace {

template <typename T>
std::vector<std::string> names_of(const std::vector<T>& list) {
  std::vector<std::string> names;
  for (const T& item : list) names.push_back(item.name);
  return names;
}

std::string with_suggestion(std::string_view name, const std::vector<std::string>& known,
                            std::string otherwise) {
  const std::string like = most_alike(name, known);
  return like.empty() ? otherwise : fmt::format("Did you mean {}?", cupola::quoted(like));
}

class Checks {
 public:
  Checks(const Project& project, Report& report) : project_(project), report_(report) {}

  void run() {
    check_names("schedule", project_.schedules);
    check_names("job", project_.jobs);
    check_names("environment", project_.environments);
    check_plugin_names();
    check_default_environment();
    check_shared_directories();
    for (const Schedule& schedule : project_.schedules) check(schedule);
    for (const Job& job : project_.jobs) check(job);
    for (const Environment& environment : project_.environments) check(environment);
    for (const Plugin& plugin : project_.plugins) {
      if (const auto resolved = resolve(project_, plugin); !resolved) {
        warn(plugin.place, resolved.error().message, resolved.error().hint);
      }
    }
  }

 private:
  void warn(const Place& place, std::string message, std::string hint) {
    report_.add({place, std::move(message), std::move(hint), false});
  }

  template <typename T>
  void check_names(std::string_view what, const std::vector<T>& list) {
    std::set<std::string> known;
    for (const T& item : list) {
      if (item.name.empty() || known.insert(item.name).second) continue;
      warn(item.place, fmt::format("There are two {}s named {}.", what, cupola::quoted(item.name)),
           "Rename one: only the first is ever found.");
    }
  }

  void check_plugin_names() {
    std::set<std::string> known;
    std::set<std::string> mappings;
    for (const Plugin& plugin : project_.plugins) {
      if (!plugin.name.empty() && !known.insert(plugin.type + ":" + plugin.name).second) {
        warn(plugin.place,
             fmt::format("There are two {} named {}.", plugin.type, cupola::quoted(plugin.name)),
             "Rename one: only the first is ever found.");
      }
      for (const std::string& mapping : plugin.mappings) {
        if (mapping.empty() || mappings.insert(mapping).second) continue;
        warn(plugin.place, fmt::format("There are two mappings named {}.", cupola::quoted(mapping)),
             "Rename one: a task that calls it cannot run.");
      }
    }
  }

  void check_default_environment() {
    const std::string& name = project_.default_environment;
    if (name.empty() || name == "null" || project_.find_environment(name) != nullptr) return;
    warn({"meltano.yml", 0, 0},
         fmt::format("'default_environment' is {}, but there is no such environment.",
                     cupola::quoted(name)),
         with_suggestion(name, names_of(project_.environments),
                         "Add it under 'environments:', or name another."));
  }

  /// Two plugins that run from one environment but want different things in it.
  void check_shared_directories() {
    std::map<std::string, std::pair<std::string, std::string>> known;
    for (const Plugin& plugin : project_.plugins) {
      const auto resolved = resolve(project_, plugin);
      if (!resolved || !resolved->pip_url || resolved->pip_url->empty()) continue;
      const auto [first, added] = known.try_emplace(plugin.type + "/" + resolved->directory_name,
                                                    plugin.name, *resolved->pip_url);
      if (added || first->second.second == *resolved->pip_url) continue;
      warn(plugin.place,
           fmt::format("The plugin {} shares the environment of {}, but has another 'pip_url'.",
                       cupola::quoted(plugin.name), cupola::quoted(first->second.first)),
           "Give both the same 'pip_url', or define one of them without 'inherit_from'.");
    }
  }

  void check(const Schedule& schedule) {
    if (!schedule.job.empty()) {
      if (project_.find_job(schedule.job) != nullptr) return;
      warn(schedule.place,
           fmt::format("The schedule {} runs the job {}, which is not there.",
                       cupola::quoted(schedule.name), cupola::quoted(schedule.job)),
           with_suggestion(schedule.job, names_of(project_.jobs), "Add it under 'jobs:'."));
      return;
    }
    for (const auto& [type, name] :
         {std::pair<std::string, std::string>{"extractors", schedule.extractor},
          {"loaders", schedule.loader}}) {
      if (name.empty() || project_.find_plugin(type, name) != nullptr) continue;
      std::vector<std::string> known;
      for (const Plugin& plugin : project_.plugins) {
        if (plugin.type == type) known.push_back(plugin.name);
      }
      warn(schedule.place,
           fmt::format("The schedule {} names {}, which is not among the {}.",
                       cupola::quoted(schedule.name), cupola::quoted(name), type),
           with_suggestion(name, known, fmt::format("Add it under 'plugins: {}:'.", type)));
    }
    const std::string& transform = schedule.transform;
    if (!transform.empty() && transform != "skip" && transform != "run" && transform != "only") {
      warn(schedule.place,
           fmt::format("The schedule {} has the transform {}.", cupola::quoted(schedule.name),
                       cupola::quoted(transform)),
           "Use skip, run or only.");
    }
  }

  void check(const Job& job) {
    if (job.one_text) return;
    const auto blocks = expand(project_, {job.name});
    if (blocks) return;
    warn(job.place,
         fmt::format("The job {} cannot run: {}", cupola::quoted(job.name), blocks.error().message),
         blocks.error().hint);
  }

  void check(const Environment& environment) {
    for (const EnvironmentPlugin& plugin : environment.plugins) {
      if (plugin.name.empty() || project_.find_plugin(plugin.type, plugin.name) != nullptr)
        continue;
      std::vector<std::string> known;
      for (const Plugin& other : project_.plugins) {
        if (other.type == plugin.type) known.push_back(other.name);
      }
      warn(plugin.place,
           fmt::format("The environment {} configures {}, which is not among the {}.",
                       cupola::quoted(environment.name), cupola::quoted(plugin.name), plugin.type),
           with_suggestion(plugin.name, known, "Remove the entry, or correct the name."));
    }
  }

  const Project& project_;
  Report& report_;
};

}  // namespace

void check_references(const Project& project, Report& report) {
  Checks(project, report).run();
}

}  // namespace cupola::meltano
