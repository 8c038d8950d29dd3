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

// The key of the deployment that a cursor names; empty to begin anew.
Result<std::string> after_key(const Call& call, db::Session& db,
                              const std::vector<std::string>& cursor) {
  if (cursor.empty()) return std::string();
  const auto project = store::find_project_ever(db, call.organization(), cursor[0]);
  const auto deployment =
      project ? store::find_deployment_ever(db, call.organization(), project->key, cursor[1])
              : std::nullopt;
  if (deployment) return deployment->key.text();
  return Error{Error::Kind::invalid, "The deployment that ?cursor= continues after is gone.",
               "Begin the list anew."};
}

/// What the query values of a list say.
struct Wanted {
  explicit Wanted(Query& query)
      : limit(query.limit()),
        deleted(query.flag("deleted")),
        cursor(query.cursor("deployments", 2)) {}
  int limit;
  bool deleted;  ///< the deleted ones, and not the others
  std::vector<std::string> cursor;
};

Result<http::Reply> list_page(const Call& call, db::Session& db, const Scope& scope,
                              const Wanted& wanted) {
  Names names(db);
  json::array items;
  if (scope.deployment) {
    const store::Deployment& only = names.deployment(*scope.deployment);
    if (only.deleted_at.has_value() == wanted.deleted) {
      items.emplace_back(to_json(only, names.project(only.project), db));
    }
    return list_reply("deployments", std::move(items));
  }
  const Result<std::string> after = after_key(call, db, wanted.cursor);
  if (!after) return after.error();
  const auto deployments = store::list_deployments(db, call.organization(), scope.project, *after,
                                                   wanted.limit + 1, wanted.deleted);
  std::string next;
  for (std::size_t i = 0; i < deployments.size(); ++i) {
    if (i == static_cast<std::size_t>(wanted.limit)) {
      const store::Deployment& last = deployments[i - 1];
      next = cursor_of("deployments", {names.project(last.project).id, last.slug});
      break;
    }
    items.emplace_back(to_json(deployments[i], names.project(deployments[i].project), db));
  }
  return list_reply("deployments", std::move(items), next);
}

}  // namespace

Result<http::Reply> list_all_deployments(const Call& call) {
  Query query(call);
  const Wanted wanted(query);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<Scope> scope = scope_of(call, db);
    if (!scope) return scope.error();
    return list_page(call, db, *scope, wanted);
  });
}

Result<http::Reply> list_deployments(const Call& call) {
  Query query(call);
  const Wanted wanted(query);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    const Scope scope{.project = project->key, .deployment = call.member.reach.deployment};
    return list_page(call, db, scope, wanted);
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
    const Result<store::Project> project = held_project_of(call, db);
    if (!project) return project.error();
    const Result<store::Deployment> deployment = store::create_deployment(
        db, call.organization(), project->key, name, environment, *plain, call.now);
    if (!deployment) return deployment.error();
    store::queue_release(db, *deployment, {}, call.now);
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
    const Result<Place> place = past_place_of(call, db);
    if (!place) return place.error();
    return tagged_reply(200, to_json(place->deployment, place->project, db),
                        etag_of(place->deployment));
  });
}

/// PATCH …/{deployment} gives it another name: 200. What it deploys is changed by an update.
Result<http::Reply> rename_deployment(const Call& call) {
  Body body(call, {"name"});
  const std::string name = body.text("name", longest_name);
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    // Nobody takes the name meanwhile.
    if (const auto project = held_project_of(call, db); !project) return project.error();
    const Result<Place> place = held_place_of(call, db);
    if (!place) return place.error();
    if (auto refused = mismatch(call, etag_of(place->deployment))) return *std::move(refused);
    const Result<store::Deployment> renamed =
        store::rename_deployment(db, place->deployment, name, call.now);
    if (!renamed) return renamed.error();
    audit(call, db,
          {.action = "deployment.rename",
           .name = renamed->name,
           .project = place->project.name,
           .before = settings_of(place->deployment),
           .after = settings_of(*renamed)});
    return tagged_reply(200, to_json(*renamed, place->project, db), etag_of(*renamed));
  });
}

}  // namespace cupola::api
