#include "api/run_request.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/input.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_variables = 256u << 10;
constexpr std::size_t named_in_hints = 20;

const store::ContentJob* find_job(const store::ReleaseContent& content, std::string_view name) {
  for (const store::ContentJob& job : content.jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

Meaning job_meaning(const store::ContentJob& job) {
  return {.tasks = {job.name}, .state_ids = job.state_ids};
}

bool is_the_job(const store::ContentSchedule& schedule, const store::ContentJob& job) {
  return schedule.job == job.name && schedule.env.empty();
}

Error two_meanings(const store::ContentSchedule& schedule, const store::ContentJob& job) {
  const std::string does = schedule.job.empty()       ? "runs '" + join(schedule.command, " ") + "'"
                           : schedule.job == job.name ? "runs it with variables of its own"
                                                      : "runs the job '" + schedule.job + "'";
  return {
      Error::Kind::conflict,
      fmt::format("'{}' is both a schedule, which {}, and a job.", job.name, does),
      fmt::format("Say which: {{\"schedule\": \"{0}\"}}, or {{\"tasks\": [\"{0}\"]}} for the job; "
                  "or give one of them another name in meltano.yml.",
                  job.name)};
}

std::string known_names(const store::ReleaseContent& content) {
  std::vector<std::string> names;
  for (const auto& schedule : content.schedules) names.push_back(schedule.settings.name);
  for (const auto& job : content.jobs) names.push_back(job.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) return "It has neither schedules nor jobs; give tasks.";
  if (names.size() > named_in_hints) names.resize(named_in_hints);
  return "There are: " + join(names, ", ") + ".";
}

}  // namespace

Result<Meaning> meaning_of_name(const store::ReleaseContent& content, const std::string& name) {
  const store::ContentSchedule* schedule = find_schedule(content, name);
  const store::ContentJob* job = find_job(content, name);
  if (schedule != nullptr && job != nullptr && !is_the_job(*schedule, *job)) {
    return two_meanings(*schedule, *job);
  }
  if (schedule != nullptr) return Meaning{.schedule = schedule};
  if (job != nullptr) return job_meaning(*job);
  return Error{Error::Kind::not_found,
               "The live release has no schedule and no job " + cupola::quoted(name) + ".",
               known_names(content)};
}

Result<Meaning> meaning_of_words(const store::ReleaseContent& content,
                                 const std::vector<std::string>& words) {
  if (words.size() == 1 &&
      (find_schedule(content, words[0]) != nullptr || find_job(content, words[0]) != nullptr)) {
    return meaning_of_name(content, words[0]);
  }
  return meaning_of_tasks(content, words);
}

Result<Meaning> meaning_of_tasks(const store::ReleaseContent& content,
                                 const std::vector<std::string>& tasks) {
  for (const std::string& task : tasks) {
    if (task.starts_with('-')) {
      return Error{Error::Kind::invalid,
                   "The task " + cupola::quoted(task) + " looks like an option.",
                   "Options have members of their own: full_refresh, state_id_suffix, env."};
    }
    if (has_control(task)) {
      return Error{Error::Kind::invalid,
                   "The task " + cupola::quoted(task) + " holds a control character."};
    }
  }
  if (tasks.size() == 1) {
    if (const store::ContentJob* job = find_job(content, tasks[0])) return job_meaning(*job);
  }
  return Meaning{.tasks = tasks};
}

Result<void> check_variables(const std::map<std::string, std::string>& variables) {
  std::size_t size = 0;
  for (const auto& [name, value] : variables) {
    size += name.size() + value.size();
    const auto allowed = [](char letter) {
      return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
             (letter >= '0' && letter <= '9') || letter == '_';
    };
    if (name.empty() || name.size() > 255 || (name[0] >= '0' && name[0] <= '9') ||
        !std::all_of(name.begin(), name.end(), allowed)) {
      return Error{Error::Kind::invalid, cupola::quoted(name) + " is no name of a variable.",
                   "Names have letters, digits and underscores, and begin with no digit."};
    }
    if (name.starts_with("CUPOLA_") || name.starts_with("LD_") || name == "PATH" ||
        name == "HOME") {
      return Error{Error::Kind::invalid, "The variable " + name + " is Cupola's own.",
                   "Choose another name."};
    }
  }
  if (size > longest_variables) {
    return Error{Error::Kind::too_large, "The variables of the run are over 256 KiB together."};
  }
  return {};
}

}  // namespace cupola::api
