#include "api/lookup.h"

#include "base/text.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

constexpr int most_deployments = 10000;

Error no_project(const std::string& name) {
  return {Error::Kind::not_found, "There is no project " + cupola::quoted(name) + " here.",
          "`cupola project list` shows those there are."};
}

Error no_deployment(const std::string& name) {
  return {Error::Kind::not_found, "There is no deployment " + cupola::quoted(name) + " here.",
          "`cupola deployment list` shows those there are."};
}

// The one deployment of that name in the whole organization.
Result<store::Deployment> only_deployment(const Call& call, db::Session& db,
                                          const std::string& name) {
  std::optional<store::Deployment> found;
  for (store::Deployment& deployment : store::list_deployments(
           db, call.organization(), call.member.reach.project, "", most_deployments)) {
    if (deployment.name != name && deployment.slug != name) continue;
    if (found) {
      return Error{Error::Kind::invalid,
                   "Several projects have a deployment " + cupola::quoted(name) + ".",
                   "Name the project too: ?project=."};
    }
    found = std::move(deployment);
  }
  if (!found) return no_deployment(name);
  return *found;
}

bool reaches(const Call& call, const ProjectKey& project) {
  const store::Reach& reach = call.member.reach;
  return !reach.project || *reach.project == project;
}

bool reaches(const Call& call, const DeploymentKey& deployment) {
  const store::Reach& reach = call.member.reach;
  return !reach.deployment || *reach.deployment == deployment;
}

/// Things as they are, or as they ever were.
enum class Of { present, past_too };

Result<store::Project> project_named(const Call& call, db::Session& db, const std::string& name,
                                     Of of = Of::present) {
  std::optional<store::Project> project =
      of == Of::present ? store::find_project(db, call.organization(), name)
                        : store::find_project_ever(db, call.organization(), name);
  if (!project || !reaches(call, project->key)) return no_project(name);
  return *project;
}

Result<store::Deployment> deployment_named(const Call& call, db::Session& db,
                                           const store::Project& project, const std::string& name,
                                           Of of) {
  std::optional<store::Deployment> deployment =
      of == Of::present ? store::find_deployment(db, call.organization(), project.key, name)
                        : store::find_deployment_ever(db, call.organization(), project.key, name);
  if (!deployment || !reaches(call, deployment->key)) return no_deployment(name);
  return *deployment;
}

}  // namespace

Result<store::Project> project_of(const Call& call, db::Session& db) {
  Result<store::Project> project = project_named(call, db, call.in_path("project"));
  if (project) call.project_id = project->id;
  return project;
}

Result<store::Deployment> deployment_of(const Call& call, db::Session& db,
                                        const store::Project& project, const std::string& name) {
  return deployment_named(call, db, project, name, Of::present);
}

Result<Place> place_of(const Call& call, db::Session& db) {
  Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  Result<store::Deployment> deployment =
      deployment_of(call, db, *project, call.in_path("deployment"));
  if (!deployment) return deployment.error();
  return Place{*project, *deployment};
}

Result<Place> past_place_of(const Call& call, db::Session& db) {
  Result<store::Project> project = project_named(call, db, call.in_path("project"), Of::past_too);
  if (!project) return project.error();
  call.project_id = project->id;
  Result<store::Deployment> deployment =
      deployment_named(call, db, *project, call.in_path("deployment"), Of::past_too);
  if (!deployment) return deployment.error();
  return Place{*project, *deployment};
}

Result<store::Project> held_project_of(const Call& call, db::Session& db) {
  Result<store::Project> project = project_of(call, db);
  if (!project) return project;
  store::hold(db, project->key);
  return project_of(call, db);
}

Result<Place> held_place_of(const Call& call, db::Session& db) {
  Result<Place> place = place_of(call, db);
  if (!place) return place;
  store::hold(db, place->deployment.key);
  return place_of(call, db);
}

Result<Scope> scope_of(const Call& call, db::Session& db) {
  const store::Reach& reach = call.member.reach;
  Scope scope{.project = reach.project, .deployment = reach.deployment};
  const std::string* project_name = call.request.query_value("project");
  const std::string* deployment_name = call.request.query_value("deployment");
  if (project_name != nullptr) {
    const Result<store::Project> project = project_named(call, db, *project_name, Of::past_too);
    if (!project) return project.error();
    scope.project = project->key;
    if (deployment_name == nullptr) return scope;
    const Result<store::Deployment> deployment =
        deployment_named(call, db, *project, *deployment_name, Of::past_too);
    if (!deployment) return deployment.error();
    scope.deployment = deployment->key;
    return scope;
  }
  if (deployment_name == nullptr) return scope;
  const Result<store::Deployment> deployment = only_deployment(call, db, *deployment_name);
  if (!deployment) return deployment.error();
  if (!reaches(call, deployment->key)) return no_deployment(*deployment_name);
  scope.project = deployment->project;
  scope.deployment = deployment->key;
  return scope;
}

const store::Project& Names::project(const ProjectKey& key) {
  auto found = projects_.find(key);
  if (found == projects_.end()) {
    std::optional<store::Project> project = store::find_project(db_, key);
    if (!project) throw Failure("A row names a project that is not there: " + key.text());
    found = projects_.emplace(key, std::move(*project)).first;
  }
  return found->second;
}

const store::Deployment& Names::deployment(const DeploymentKey& key) {
  auto found = deployments_.find(key);
  if (found == deployments_.end()) {
    std::optional<store::Deployment> deployment = store::find_deployment(db_, key);
    if (!deployment) throw Failure("A row names a deployment that is not there: " + key.text());
    found = deployments_.emplace(key, std::move(*deployment)).first;
  }
  return found->second;
}

}  // namespace cupola::api
