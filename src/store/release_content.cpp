#include "store/release_content.h"

#include <algorithm>

namespace cupola::store {
namespace {

json::array to_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(json_text(text));
  return array;
}

json::object to_json(const std::map<std::string, std::string>& texts) {
  json::object object;
  for (const auto& [name, text] : texts) object[json_text(name)] = json_text(text);
  return object;
}

json::object to_json(const PluginEnvironment& environment) {
  return {{"type", json_text(environment.type)},
          {"directory_name", json_text(environment.directory_name)},
          {"key", json_text(environment.key)},
          {"fingerprint", json_text(environment.fingerprint)},
          {"plugins", to_json(environment.plugins)}};
}

json::object to_json(const ContentSchedule& schedule) {
  const ReleasedSchedule& settings = schedule.settings;
  json::object object{
      {"name", json_text(settings.name)},     {"interval", json_text(settings.interval)},
      {"given", to_json(settings.given)},     {"state_ids", to_json(settings.state_ids)},
      {"command", to_json(schedule.command)}, {"env", to_json(schedule.env)},
      {"job", json_text(schedule.job)}};
  if (schedule.backfill) {
    object["backfill"] = {{"start", json_text(schedule.backfill->start_variable)},
                          {"end", json_text(schedule.backfill->end_variable)},
                          {"state_id_suffix", json_text(schedule.backfill->state_id_suffix)}};
  }
  return object;
}

json::object to_json(const ContentJob& job) {
  return {{"name", json_text(job.name)},
          {"tasks", to_json(job.tasks)},
          {"state_ids", to_json(job.state_ids)}};
}

template <typename T>
json::array to_json(const std::vector<T>& items) {
  json::array array;
  for (const T& item : items) array.emplace_back(to_json(item));
  return array;
}

[[noreturn]] void fail(std::string_view what) {
  throw Failure("The database holds a release's content that this program did not write: " +
                std::string(what) + " is missing. Deploy once more.");
}

const json::array& array_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) fail(key);
  return value->get_array();
}

const json::object& as_object(const json::value& value) {
  if (!value.is_object()) fail("an object");
  return value.get_object();
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) fail(key);
  return std::string(value->get_string());
}

std::vector<std::string> texts_of(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const json::value& item : array_at(object, key)) {
    if (!item.is_string()) fail(key);
    texts.emplace_back(item.get_string());
  }
  return texts;
}

/// Empty in releases from before there was such a list.
std::vector<std::string> texts_since(const json::object& object, std::string_view key) {
  return object.contains(key) ? texts_of(object, key) : std::vector<std::string>{};
}

std::map<std::string, std::string> map_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_object()) fail(key);
  std::map<std::string, std::string> texts;
  for (const auto& [name, text] : value->get_object()) {
    if (!text.is_string()) fail(key);
    texts.emplace(name, text.get_string());
  }
  return texts;
}

PluginEnvironment to_environment(const json::object& object) {
  return {.type = text_of(object, "type"),
          .directory_name = text_of(object, "directory_name"),
          .key = text_of(object, "key"),
          .fingerprint = text_of(object, "fingerprint"),
          .plugins = texts_of(object, "plugins")};
}

/// Releases from before there were settings of two sources have none; the rows of their schedules
/// do (migrations/0011_schedules.sql).
ScheduleSettings given_in(const json::object& object) {
  const json::value* given = object.if_contains("given");
  return given == nullptr ? ScheduleSettings{} : settings_from(json::serialize(*given));
}

std::optional<BackfillTemplate> backfill_in(const json::object& object) {
  const json::value* backfill = object.if_contains("backfill");
  if (backfill == nullptr) return std::nullopt;
  const json::object& found = as_object(*backfill);
  return BackfillTemplate{.start_variable = text_of(found, "start"),
                          .end_variable = text_of(found, "end"),
                          .state_id_suffix = text_of(found, "state_id_suffix")};
}

ContentSchedule to_schedule(const json::object& object) {
  return {.settings = {.name = text_of(object, "name"),
                       .interval = text_of(object, "interval"),
                       .given = given_in(object),
                       .state_ids = texts_of(object, "state_ids")},
          .command = texts_of(object, "command"),
          .env = map_of(object, "env"),
          .job = text_of(object, "job"),
          .backfill = backfill_in(object)};
}

ContentJob to_job(const json::object& object) {
  return {.name = text_of(object, "name"),
          .tasks = texts_of(object, "tasks"),
          .state_ids = texts_of(object, "state_ids")};
}

template <typename F>
auto all_of(const json::object& object, std::string_view key, F convert) {
  std::vector<std::invoke_result_t<F, const json::object&>> items;
  for (const json::value& item : array_at(object, key)) items.push_back(convert(as_object(item)));
  return items;
}

}  // namespace

const ContentSchedule* find_schedule(const ReleaseContent& content, std::string_view name) {
  const auto found =
      std::find_if(content.schedules.begin(), content.schedules.end(),
                   [&](const ContentSchedule& schedule) { return schedule.settings.name == name; });
  return found == content.schedules.end() ? nullptr : &*found;
}

std::vector<std::string> state_ids_under(const ReleaseContent& content,
                                         const ContentSchedule& schedule, std::string_view suffix) {
  std::vector<std::string> ids = schedule.settings.state_ids;
  const std::string own = ":" + content.state_id_suffix;
  for (std::string& id : ids) {
    if (own.size() > 1 && id.ends_with(own)) id.resize(id.size() - own.size());
    id.append(":").append(suffix);
  }
  return ids;
}

std::string to_json_text(const ReleaseContent& content) {
  return json::serialize(
      json::object{{"commit", json_text(content.commit)},
                   {"directory", json_text(content.directory)},
                   {"environment", json_text(content.environment)},
                   {"state_id_suffix", json_text(content.state_id_suffix)},
                   {"meltano_version", json_text(content.meltano_version)},
                   {"meltano_environment", json_text(content.meltano_environment)},
                   {"python", json_text(content.python)},
                   {"environments", to_json(content.environments)},
                   {"schedules", to_json(content.schedules)},
                   {"jobs", to_json(content.jobs)},
                   {"persist", to_json(content.persist)},
                   {"read_only_paths", to_json(content.read_only_paths)},
                   {"watch", to_json(content.watch)},
                   {"sources", json_text(content.sources)},
                   {"build", to_json(content.build)},
                   {"artifacts", to_json(content.artifacts)},
                   {"own_state", json_text(content.own_state)}});
}

ReleaseContent parse_release_content(std::string_view text) {
  const auto value = parse_json(text);
  if (!value) fail(value.error().message);
  const json::object& object = as_object(*value);
  return {.commit = text_of(object, "commit"),
          .directory = text_of(object, "directory"),
          .environment = text_of(object, "environment"),
          .state_id_suffix = text_of(object, "state_id_suffix"),
          .meltano_version = text_of(object, "meltano_version"),
          .meltano_environment = text_of(object, "meltano_environment"),
          .python = text_of(object, "python"),
          .environments = all_of(object, "environments", to_environment),
          .schedules = all_of(object, "schedules", to_schedule),
          .jobs = all_of(object, "jobs", to_job),
          .persist = texts_of(object, "persist"),
          .read_only_paths = texts_of(object, "read_only_paths"),
          .watch = texts_since(object, "watch"),
          .sources = text_at(object, "sources"),
          .build = texts_since(object, "build"),
          .artifacts = texts_since(object, "artifacts"),
          .own_state = text_at(object, "own_state")};
}

}  // namespace cupola::store
