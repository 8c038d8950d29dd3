#include "api/lookup.h"

#include "base/text.h"

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
  for (store::Deployment& deployment :
       store::list_deployments(db, call.organization(), std::nullopt, "", most_deployments)) {
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

}  // namespace

Result<store::Project> project_of(const Call& call, db::Session& db) {
  const std::string& name = call.in_path("project");
  std::optional<store::Project> project = store::find_project(db, call.organization(), name);
  if (!project) return no_project(name);
  return *project;
}

Result<Place> place_of(const Call& call, db::Session& db) {
  Result<store::Project> project = project_of(call, db);
  if (!project) return project.error();
  const std::string& name = call.in_path("deployment");
  std::optional<store::Deployment> deployment =
      store::find_deployment(db, call.organization(), project->key, name);
  if (!deployment) return no_deployment(name);
  return Place{*project, *deployment};
}

Result<Scope> scope_of(const Call& call, db::Session& db) {
  Scope scope;
  const std::string* project_name = call.request.query_value("project");
  const std::string* deployment_name = call.request.query_value("deployment");
  if (project_name != nullptr) {
    const auto project = store::find_project(db, call.organization(), *project_name);
    if (!project) return no_project(*project_name);
    scope.project = project->key;
  }
  if (deployment_name == nullptr) return scope;
  if (!scope.project) {
    const Result<store::Deployment> deployment = only_deployment(call, db, *deployment_name);
    if (!deployment) return deployment.error();
    scope.project = deployment->project;
    scope.deployment = deployment->key;
    return scope;
  }
  const auto deployment =
      store::find_deployment(db, call.organization(), *scope.project, *deployment_name);
  if (!deployment) return no_deployment(*deployment_name);
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
