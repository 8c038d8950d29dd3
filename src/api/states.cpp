#include "store/states.h"

#include "api/audit.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/state_payload.h"
#include "api/to_json.h"
#include "base/text.h"

namespace cupola::api {
namespace {

Error no_state(const std::string& state_id) {
  return {Error::Kind::not_found, "There is no state " + cupola::quoted(state_id) + ".",
          "`cupola state list` shows those there are."};
}

Result<store::StateVersion> version_of(const Call& call, db::Session& db, const ProjectKey& project,
                                       std::int64_t version) {
  const std::string& state_id = call.in_path("state_id");
  const auto state = store::find_state(db, call.organization(), project, state_id, version);
  if (state) return *state;
  return Error{
      Error::Kind::not_found,
      "The state " + cupola::quoted(state_id) + " has no version " + std::to_string(version) + ".",
      "`cupola state history` shows those that are kept."};
}

/// Which version is the newest; null where there is none. What a state holds is not for the audit
/// log.
json::value newest_version(const Call& call, db::Session& db, const ProjectKey& project) {
  const auto state = store::find_state(db, call.organization(), project, call.in_path("state_id"));
  return state ? json::value{{"version", state->version}} : json::value();
}

}  // namespace

Result<http::Reply> list_states(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::string after = name_cursor(query, "states");
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const auto states = store::list_states(db, call.organization(), project->key, after, limit + 1);
    json::array items;
    std::string next;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (i == static_cast<std::size_t>(limit)) {
        next = name_cursor_of("states", states[i - 1].state_id);
        break;
      }
      items.emplace_back(to_json(states[i], false));
    }
    return list_reply("states", std::move(items), next);
  });
}

Result<http::Reply> show_state(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const std::string& state_id = call.in_path("state_id");
    const auto state = store::find_state(db, call.organization(), project->key, state_id);
    if (!state) return no_state(state_id);
    return json_reply(200, to_json(*state, true));
  });
}

Result<http::Reply> set_state(const Call& call) {
  const std::string& state_id = call.in_path("state_id");
  if (const auto checked = check_state_id(state_id); !checked) return checked.error();
  const Result<json::value> value = parse_json(call.request.body);
  if (!value) return value.error();
  const Result<std::string> payload = state_payload_of(state_id, *value);
  if (!payload) return payload.error();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const json::value before = newest_version(call, db, project->key);
    const Result<store::StateVersion> state =
        store::set_state(db, call.organization(), project->key, state_id, *payload,
                         store::StateOrigin::set, call.now);
    if (!state) return state.error();
    audit(call, db,
          {.action = "state.set",
           .name = state_id,
           .project = project->name,
           .before = before,
           .after = json::object{{"version", state->version}}});
    return json_reply(200, to_json(*state, true));
  });
}

Result<http::Reply> delete_state(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const json::value before = newest_version(call, db, project->key);
    const Result<void> deleted =
        store::delete_state(db, call.organization(), project->key, call.in_path("state_id"));
    if (!deleted) return deleted.error();
    audit(call, db,
          {.action = "state.delete",
           .name = call.in_path("state_id"),
           .project = project->name,
           .before = before});
    return http::Reply{.status = 204};
  });
}

Result<http::Reply> list_state_versions(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const std::string& state_id = call.in_path("state_id");
    const auto versions =
        store::list_state_versions(db, call.organization(), project->key, state_id, limit);
    if (versions.empty()) return no_state(state_id);
    json::array items;
    for (const store::StateVersion& version : versions) items.emplace_back(to_json(version, false));
    return list_reply("versions", std::move(items));
  });
}

Result<http::Reply> show_state_version(const Call& call) {
  const std::string& text = call.in_path("version");
  const auto version = whole_number(text);
  if (!version) {
    return Error{Error::Kind::not_found, "There is no version " + cupola::quoted(text) + ".",
                 "Versions are numbered 1, 2, 3 and so on."};
  }
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const Result<store::StateVersion> state = version_of(call, db, project->key, *version);
    if (!state) return state.error();
    return json_reply(200, to_json(*state, true));
  });
}

/// POST …/restore makes a new version with the content of an earlier one.
Result<http::Reply> restore_state(const Call& call) {
  Body body(call, {"version"});
  const std::int64_t version = body.number("version", 1, 1LL << 53);
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const Result<store::StateVersion> old = version_of(call, db, project->key, version);
    if (!old) return old.error();
    const json::value before = newest_version(call, db, project->key);
    const Result<store::StateVersion> state =
        store::set_state(db, call.organization(), project->key, old->state_id, old->payload,
                         store::StateOrigin::restored, call.now);
    if (!state) return state.error();
    audit(call, db,
          {.action = "state.restore",
           .name = old->state_id,
           .project = project->name,
           .before = before,
           .after = json::object{{"version", state->version}, {"content_of", version}}});
    return json_reply(200, to_json(*state, true));
  });
}

}  // namespace cupola::api
