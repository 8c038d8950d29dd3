#include "store/deployments.h"

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/objects.h"
#include "api/cloud/paging.h"
#include "api/cloud/place.h"
#include "api/cloud/prepared.h"
#include "api/handlers.h"

namespace cupola::api::cloud {

Result<std::vector<LiveDeployment>> live_deployments_of(const Call& call, db::Session& db) {
  constexpr int most = 10'000;
  const Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  const auto& reach = call.member.reach.deployment;
  std::vector<LiveDeployment> live;
  for (const store::Deployment& deployment :
       store::list_deployments(db, call.organization(), project->key, "", most)) {
    if (!deployment.release || (reach && *reach != deployment.key)) continue;
    if (const auto release = store::find_release(db, *deployment.release)) {
      live.push_back({deployment, *release});
    }
  }
  return live;
}

Result<LiveDeployment> live_deployment_of(const Call& call, db::Session& db) {
  const Result<Place> place = place_of(call, db);
  if (!place) return place.error();
  const store::Deployment& deployment = place->deployment;
  const auto release =
      deployment.release ? store::find_release(db, *deployment.release) : std::nullopt;
  if (release) return LiveDeployment{deployment, *release};
  return Error{Error::Kind::not_found, "The deployment " + deployment.slug + " never went live.",
               "Create it again; its last try is told by the command line of the server."};
}

Result<http::Reply> list_deployments(const Call& call) {
  std::vector<Item> items;
  const auto found = call.context.database.read([&](db::Session& db) -> Result<void> {
    const auto live = live_deployments_of(call, db);
    if (!live) return live.error();
    for (const auto& [deployment, release] : *live) {
      items.push_back({deployment.slug, deployment_object(deployment, release)});
    }
    return {};
  });
  if (!found) return found.error();
  return page_of_all(call, "deployments", std::move(items));
}

Result<http::Reply> show_deployment(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto live = live_deployment_of(call, db);
    if (!live) return live.error();
    return json_reply(200, deployment_object(live->deployment, live->release));
  });
}

/// DELETE gives a prepared request; that one 204.
Result<http::Reply> delete_deployment(const Call& call) {
  if (is_prepared(call)) return api::delete_deployment(Inner(call).call());
  const auto found = call.context.database.read(
      [&](db::Session& db) -> Result<Place> { return place_of(call, db); });
  if (!found) return found.error();
  return prepared_reply(call, http::Method::delete_, {});
}

}  // namespace cupola::api::cloud
