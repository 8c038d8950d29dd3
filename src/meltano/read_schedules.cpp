#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/fields.h"
#include "meltano/interval.h"
#include "meltano/read.h"

namespace cupola::meltano {
namespace {

using yaml::Node;

json::value value_of(const Node* node) {
  return node == nullptr ? json::value() : to_json(*node);
}

/// The keys that official Meltano keeps of those it does not know: some hide behind names of its
/// own.
json::object kept_keys(json::object keys) {
  static const std::vector<std::string_view> hidden = {
      "as_canonical", "canonical", "find_by_name", "is_attr_set", "last_successful_run",
      "parse",        "to_yaml",   "update",       "with_attrs",  "yaml"};
  json::object kept;
  for (const auto& [key, value] : keys) {
    const std::string_view name = key;
    if (name.starts_with('_') || std::ranges::find(hidden, name) != hidden.end()) continue;
    kept[key] = value;
  }
  return kept;
}

Schedule read_schedule(const Node& node, Report& report) {
  Schedule schedule;
  schedule.place = report.place(node.mark);
  const Fields fields(node, "The schedule", report);
  if (!fields.is_mapping()) return schedule;
  const Node* job = fields.find("job");
  const bool has_job = job != nullptr && !job->is_falsy();
  fields.require("name", "Add 'name:'.");
  fields.require("interval", "Add 'interval:', such as '@daily' or '0 6 * * *'.");
  // Official Meltano has properties of these names, which cannot be set.
  fields.forbid({"self", "cron_interval", "attrs"});
  if (!has_job) {
    fields.forbid({"elt_args"});
    const std::string hint =
        "Add 'job:' with the name of an entry of 'jobs:'; or all of 'extractor:', 'loader:' and "
        "'transform:' (the older form).";
    for (const std::string_view key : {"extractor", "loader", "transform"}) {
      fields.require(key, hint);
    }
  }
  schedule.name = fields.text("name");
  schedule.interval = fields.text("interval");
  schedule.interval_place = report.place(fields.mark_of("interval"));
  if (has_job) {
    schedule.job = fields.text("job");
  } else {
    schedule.extractor = fields.text("extractor");
    schedule.loader = fields.text("loader");
    schedule.transform = fields.text("transform");
  }
  schedule.env = fields.texts("env");
  schedule.annotations = fields.object("annotations");

  json::object& written = schedule.written;
  const Node* interval = fields.find("interval");
  const Node* env = fields.find("env");
  written["name"] = value_of(fields.find("name"));
  written["kind"] = has_job ? "job" : "elt";
  written["interval"] = value_of(interval);
  const auto cron = cron_of_interval(schedule.interval);
  written["cron_interval"] = cron ? json::value(json_text(*cron)) : json::value();
  written["interval_accepted_by_add"] =
      interval == nullptr || interval->is_null() || is_accepted_interval(schedule.interval);
  written["env"] = env == nullptr || env->is_falsy() ? json::value(json::object()) : to_json(*env);
  json::object other;
  if (has_job) {
    written["job"] = to_json(*job);
    other = other_keys(node, {"name", "interval", "env", "annotations", "job"});
  } else {
    for (const std::string_view key : {"extractor", "loader", "transform"}) {
      written[key] = value_of(fields.find(key));
    }
    other = other_keys(
        node, {"name", "interval", "env", "annotations", "extractor", "loader", "transform"});
  }
  other = kept_keys(std::move(other));
  if (!other.empty()) written["other_keys"] = std::move(other);
  return schedule;
}

/// The words of a task, as `meltano run` would get them; lists in lists are one block.
void add_words(const Node& node, std::vector<std::string>& words, Report& report) {
  if (node.is_sequence()) {
    for (const Node& item : node.items) add_words(item, words, report);
    return;
  }
  if (node.is_mapping()) {
    report.warn(node.mark, "A task must be text; this is a mapping.",
                "Put the task in quotes: a ': ' makes it a mapping.");
    for (const yaml::Entry& entry : node.entries) {
      for (const std::string_view word : split(entry.key.text, ' ')) words.emplace_back(word);
    }
    return;
  }
  if (!node.is_text()) {
    report.warn(node.mark, fmt::format("A task must be text; this is {}.", in_words(node)),
                "Write the words of the block as text: '- tap-x target-y'.");
    return;
  }
  for (const std::string_view word : split(node.text, ' ')) words.emplace_back(word);
}

Job read_job(const Node& node, Report& report) {
  Job job;
  job.place = report.place(node.mark);
  const Fields fields(node, "The job", report);
  if (!fields.is_mapping()) return job;
  fields.allow_only({"name", "tasks"}, "Remove the key; the blocks of a job stand under 'tasks:'.");
  fields.require("name", "Add 'name:'.");
  fields.require("tasks", "Add 'tasks:', a list of blocks such as '- tap-x target-y'.");
  job.name = fields.text("name");
  job.annotations = fields.object("annotations");
  job.written = {{"name", value_of(fields.find("name"))},
                 {"tasks", value_of(fields.find("tasks"))},
                 {"args_per_task", json::array()}};
  json::array& args = job.written["args_per_task"].as_array();
  const Node* tasks = fields.find("tasks");
  if (tasks == nullptr) return job;
  if (tasks->is_text() && !tasks->text.empty()) {
    job.one_text = true;
    job.tasks.push_back(tasks->text);
    report.warn(tasks->mark,
                "'tasks' is one text; official Meltano reads it letter by letter, so that the job "
                "cannot run.",
                "Write a list: '- " + tasks->text.substr(0, 80) + "'.");
    // Split by characters, as official Meltano does it.
    for (std::size_t at = 0; at < tasks->text.size();) {
      std::size_t length = 1;
      while (at + length < tasks->text.size() &&
             (static_cast<unsigned char>(tasks->text[at + length]) & 0xC0U) == 0x80U) {
        ++length;
      }
      const std::string letter = tasks->text.substr(at, length);
      args.push_back(letter == " " ? json::array{"", ""} : json::array{json_text(letter)});
      at += length;
    }
    return job;
  }
  if (!tasks->is_sequence()) {
    report.warn(tasks->mark, fmt::format("'tasks' must be a list; this is {}.", in_words(*tasks)),
                "Write each block as a list entry: '- tap-x target-y'.");
    for (const yaml::Entry& entry : tasks->entries) {
      json::array written;
      for (const std::string_view word : split(entry.key.text, ' ')) {
        written.push_back(json_text(word));
      }
      args.push_back(std::move(written));
    }
    return job;
  }
  for (const Node& task : tasks->items) {
    std::vector<std::string> words;
    add_words(task, words, report);
    json::array written;
    for (const std::string& word : words) written.push_back(json_text(word));
    args.push_back(std::move(written));
    if (std::erase(words, "") > 0) {
      report.warn(task.mark,
                  "The task holds a blank at an end or two in a row: official Meltano sees a name "
                  "between them, so that the job cannot run.",
                  "Separate the words with one blank.");
    }
    job.tasks.push_back(join(words, " "));
  }
  return job;
}

}  // namespace

std::vector<Schedule> read_schedules(const Node& node, Report& report) {
  std::vector<Schedule> schedules;
  for (const Node& item : entries_of(node, "'schedules'", report)) {
    schedules.push_back(read_schedule(item, report));
  }
  return schedules;
}

std::vector<Job> read_jobs(const Node& node, Report& report) {
  std::vector<Job> jobs;
  for (const Node& item : entries_of(node, "'jobs'", report)) {
    if (item.is_null()) {
      report.warn(item.mark, "This job is empty.", "Remove it, or give it 'name' and 'tasks'.");
      continue;
    }
    jobs.push_back(read_job(item, report));
  }
  return jobs;
}

}  // namespace cupola::meltano
