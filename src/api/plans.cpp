// What a deploy would change, of a deployment that is there or is not yet.

#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_environment = 200;

/// ?environment= and ?revision=, each empty when absent.
struct Wanted {
  std::string environment;
  std::string revision;
};

Result<Wanted> read(const Call& call, Query& query) {
  Wanted wanted{.environment = query.text("environment"), .revision = query.text("revision")};
  if (wanted.environment.size() > longest_environment || has_control(wanted.environment)) {
    query.refuse("?environment= is no name of an environment.");
  }
  if (query.fault()) return *query.fault();
  if (wanted.revision.empty()) return wanted;
  Result<std::string> plain = call.context.hooks.check_revision(wanted.revision);
  if (!plain) return plain.error();
  wanted.revision = *std::move(plain);
  return wanted;
}

http::Reply plan_of(const Call& call, store::Deployment deployment, bool refresh_plugins) {
  http::Reply reply;
  reply.slow = [&context = call.context, deployment = std::move(deployment), refresh_plugins] {
    const Result<json::object> plan = context.hooks.plan(deployment, refresh_plugins);
    return plan ? json_reply(200, *plan) : http::problem(plan.error());
  };
  return reply;
}

}  // namespace

/// GET …/{project}/plan gives what a new deployment of an environment at a revision would be.
Result<http::Reply> plan_project(const Call& call) {
  Query query(call);
  for (const char* name : {"environment", "revision"}) {
    if (query.text(name).empty()) query.refuse(std::string("?") + name + "= is missing.");
  }
  const Result<Wanted> wanted = read(call, query);
  if (!wanted) return wanted.error();
  const Result<store::Project> project = call.context.database.read(
      [&](db::Session& db) -> Result<store::Project> { return project_of(call, db); });
  if (!project) return project.error();
  store::Deployment deployment;
  deployment.organization = call.organization();
  deployment.project = project->key;
  deployment.environment = wanted->environment;
  deployment.revision = wanted->revision;
  return plan_of(call, std::move(deployment), false);
}

/// GET …/{deployment}/plan gives what an update would change, and changes nothing.
Result<http::Reply> plan_deployment(const Call& call) {
  Query query(call);
  const bool refresh_plugins = query.flag("refresh_plugins");
  const Result<Wanted> wanted = read(call, query);
  if (!wanted) return wanted.error();
  const Result<Place> place = call.context.database.read(
      [&](db::Session& db) -> Result<Place> { return place_of(call, db); });
  if (!place) return place.error();
  store::Deployment deployment = place->deployment;
  if (!wanted->environment.empty()) deployment.environment = wanted->environment;
  if (!wanted->revision.empty()) deployment.revision = wanted->revision;
  return plan_of(call, std::move(deployment), refresh_plugins);
}

}  // namespace cupola::api
