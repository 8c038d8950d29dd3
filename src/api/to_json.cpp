#include "api/to_json.h"

#include "scheduler/timing.h"

namespace cupola::api {
namespace {

constexpr int shown_fires = 3;

json::value parsed_or_null(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  Result<json::value> value = parse_json(*text);
  return value ? std::move(*value) : json::value(json_text(*text));
}

/// Each setting with where it comes from; what meltano.yml says stands beside what holds.
json::object sources_of(const store::Schedule& schedule) {
  json::object settings;
  for (const std::string_view name : store::schedule_setting_names()) {
    json::value own = store::setting_value(schedule.own, name);
    json::value given = store::setting_value(schedule.given, name);
    const std::string_view from = !own.is_null() ? "api" : !given.is_null() ? "file" : "default";
    settings[name] = {
        {"value", from == "api"    ? std::move(own)
                  : from == "file" ? given
                                   : store::setting_value(store::default_settings(), name)},
        {"from", from},
        {"file", std::move(given)}};
  }
  return settings;
}

}  // namespace

json::value or_null(const std::optional<Instant>& instant) {
  return instant ? json::value(to_rfc3339(*instant)) : json::value();
}

json::value or_null(const std::optional<std::string>& text) {
  return text ? json::value(json_text(*text)) : json::value();
}

json::array texts(const std::vector<std::string>& list) {
  json::array array;
  for (const std::string& text : list) array.emplace_back(json_text(text));
  return array;
}

json::object to_json(const store::Project& project) {
  return {{"id", project.id},
          {"name", project.name},
          {"slug", project.slug},
          {"repository", project.repository},
          {"directory", project.directory},
          {"created_at", to_rfc3339(project.created_at)},
          {"deleted_at", or_null(project.deleted_at)}};
}

json::object settings_of(const store::Project& project) {
  return {
      {"name", project.name}, {"repository", project.repository}, {"directory", project.directory}};
}

json::object settings_of(const store::Deployment& deployment) {
  return {{"name", deployment.name},
          {"environment", deployment.environment},
          {"revision", deployment.revision}};
}

json::object to_json(const store::Release& release) {
  return {{"number", release.number},
          {"status", to_text(release.status)},
          {"commit", or_null(release.commit)},
          {"error", or_null(release.error)},
          {"refresh_plugins", release.refresh_plugins},
          {"forced", release.forced},
          {"plan", parsed_or_null(release.plan)},
          {"created_at", to_rfc3339(release.created_at)},
          {"live_at", or_null(release.live_at)},
          {"ended_at", or_null(release.ended_at)}};
}

json::object to_json(const store::Deployment& deployment, const store::Project& project,
                     db::Session& db) {
  json::value live;
  if (deployment.release) {
    if (const auto release = store::find_release(db, *deployment.release)) {
      live = {{"number", release->number},
              {"commit", or_null(release->commit)},
              {"live_at", or_null(release->live_at)}};
    }
  }
  json::value last;
  for (const store::Release& release : store::list_releases(db, deployment.key, 1)) {
    last = {{"number", release.number},
            {"status", to_text(release.status)},
            {"error", or_null(release.error)},
            {"commit", or_null(release.commit)}};
  }
  return {{"name", deployment.name},
          {"slug", deployment.slug},
          {"project", project.name},
          {"environment", deployment.environment},
          {"revision", deployment.revision},
          {"status", to_text(deployment.status)},
          {"release", std::move(live)},
          {"last_release", std::move(last)},
          {"created_at", to_rfc3339(deployment.created_at)},
          {"updated_at", to_rfc3339(deployment.updated_at)},
          {"deleted_at", or_null(deployment.deleted_at)}};
}

json::object to_json(const store::Schedule& schedule, const store::Project& project,
                     const store::Deployment& deployment, Instant now) {
  json::array next;
  if (schedule.enabled && schedule.present) {
    for (const cron::Fire& fire : scheduler::next_fires(schedule, now, shown_fires)) {
      next.emplace_back(to_rfc3339(fire.due));
    }
  }
  return {{"name", schedule.name},
          {"project", project.name},
          {"deployment", deployment.name},
          {"interval", schedule.interval},
          {"timezone", schedule.timezone},
          {"enabled", schedule.enabled},
          {"offset_minutes", schedule.offset.count()},
          {"next", std::move(next)},
          {"overlap", to_text(schedule.overlap)},
          {"missed", to_text(schedule.missed)},
          {"retries", schedule.retries},
          {"retry_wait_ms", schedule.retry_wait.count()},
          {"run_timeout_ms", schedule.run_timeout.count()},
          {"pause_after", schedule.pause_after},
          {"failures", schedule.failures},
          {"paused_cause", or_null(schedule.paused_cause)},
          {"settings", sources_of(schedule)}};
}

json::object to_json(const store::StateVersion& state, bool with_payload) {
  json::object object{{"state_id", json_text(state.state_id)},
                      {"version", state.version},
                      {"run", state.run ? json::value(state.run->text()) : json::value()},
                      {"origin", to_text(state.origin)},
                      {"final", state.final},
                      {"created_at", to_rfc3339(state.created_at)},
                      {"updated_at", to_rfc3339(state.updated_at)}};
  if (with_payload) object["payload"] = parsed_or_null(state.payload);
  return object;
}

}  // namespace cupola::api
