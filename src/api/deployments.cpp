#include "api/audit.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/to_json.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_environment = 200;
constexpr std::size_t longest_revision = 250;

json::object settings_of(const store::Deployment& deployment) {
  return {{"name", deployment.name},
          {"environment", deployment.environment},
          {"revision", deployment.revision}};
}

// The key of the deployment that a cursor names; empty to begin anew.
Result<std::string> after_key(const Call& call, db::Session& db,
                              const std::vector<std::string>& cursor) {
  if (cursor.empty()) return std::string();
  const auto project = store::find_project(db, call.organization(), cursor[0]);
  const auto deployment =
      project ? store::find_deployment(db, call.organization(), project->key, cursor[1])
              : std::nullopt;
  if (deployment) return deployment->key.text();
  return Error{Error::Kind::invalid, "The deployment that ?cursor= continues after is gone.",
               "Begin the list anew."};
}

Result<http::Reply> list_page(const Call& call, db::Session& db, const Scope& scope, int limit,
                              const std::vector<std::string>& cursor) {
  Names names(db);
  json::array items;
  if (scope.deployment) {
    const store::Deployment& only = names.deployment(*scope.deployment);
    items.emplace_back(to_json(only, names.project(only.project), db));
    return list_reply("deployments", std::move(items));
  }
  const Result<std::string> after = after_key(call, db, cursor);
  if (!after) return after.error();
  const auto deployments =
      store::list_deployments(db, call.organization(), scope.project, *after, limit + 1);
  std::string next;
  for (std::size_t i = 0; i < deployments.size(); ++i) {
    if (i == static_cast<std::size_t>(limit)) {
      const store::Deployment& last = deployments[i - 1];
      next = cursor_of({names.project(last.project).id, last.slug});
      break;
    }
    items.emplace_back(to_json(deployments[i], names.project(deployments[i].project), db));
  }
  return list_reply("deployments", std::move(items), next);
}

}  // namespace

Result<http::Reply> list_all_deployments(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::vector<std::string> cursor = query.cursor(2);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    return list_page(call, db, *scope, limit, cursor);
  });
}

Result<http::Reply> list_deployments(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::vector<std::string> cursor = query.cursor(2);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const Scope scope{.project = project->key, .deployment = call.member.reach.deployment};
    return list_page(call, db, scope, limit, cursor);
  });
}

/// POST …/deployments gives 201 and queues its first release, in one transaction.
Result<http::Reply> create_deployment(const Call& call) {
  Body body(call, {"name", "environment", "revision"});
  const std::string name = body.text("name", longest_name);
  const std::string environment = body.text("environment", longest_environment);
  const std::string revision = body.text("revision", longest_revision);
  if (has_control(environment)) body.refuse("\"environment\" must hold no control characters.");
  if (body.fault()) return *body.fault();
  const Result<std::string> plain = call.context.hooks.check_revision(revision);
  if (!plain) return plain.error();

  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const Result<store::Deployment> deployment = store::create_deployment(
        db, call.organization(), project->key, name, environment, *plain, call.now);
    if (!deployment) return deployment.error();
    store::queue_release(db, *deployment, false, call.now);
    audit(call, db,
          {.action = "deployment.create",
           .name = deployment->name,
           .project = project->name,
           .after = settings_of(*deployment)});
    return json_reply(201, to_json(*deployment, *project, db));
  });
  if (reply) call.context.hooks.wake_deployer();
  return reply;
}

Result<http::Reply> show_deployment(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = place_of(call, db);
    if (!place) return place.error();
    return tagged_reply(200, to_json(place->deployment, place->project, db),
                        etag_of(place->deployment));
  });
}

Result<http::Reply> delete_deployment(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (auto refused = mismatch(call, etag_of(place->deployment))) return *std::move(refused);
    const Result<void> deleted =
        store::delete_deployment(db, call.organization(), place->deployment.key);
    if (!deleted) return deleted.error();
    audit(call, db,
          {.action = "deployment.delete",
           .name = place->deployment.name,
           .project = place->project.name,
           .before = settings_of(place->deployment)});
    return http::Reply{.status = 204};
  });
}

}  // namespace cupola::api
