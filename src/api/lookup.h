#pragma once

/// What the path of a request names, found within the caller's organization, and within what the
/// caller's token is limited to. Private.

#include <map>
#include <optional>
#include <string>

#include "api/route.h"
#include "store/deployments.h"
#include "store/projects.h"
#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::api {

/// {project}. Errors: not_found.
Result<store::Project> project_of(const Call& call, db::Session& db);

/// A deployment of the project. Errors: not_found.
Result<store::Deployment> deployment_of(const Call& call, db::Session& db,
                                        const store::Project& project, const std::string& name);

/// {project} and {deployment}. Errors: not_found.
struct Place {
  store::Project project;
  store::Deployment deployment;
};
Result<Place> place_of(const Call& call, db::Session& db);

/// The same, also where one of them was deleted: for looking at what was (store/deletions.h).
Result<Place> past_place_of(const Call& call, db::Session& db);

/// The same for a write that looks first: nobody else changes them until the transaction ends.
Result<store::Project> held_project_of(const Call& call, db::Session& db);
Result<Place> held_place_of(const Call& call, db::Session& db);

/// {project}, {deployment} and {number}. Errors: not_found. (In releases.cpp.)
Result<store::Release> release_of(const Call& call, db::Session& db);

/// {run}. Errors: not_found. (In runs.cpp.)
Result<store::ListedRun> run_of(const Call& call, db::Session& db);

/// What ?project= and ?deployment= (by name, also of deleted ones), and the token's limit, narrow a
/// list to. Errors:
/// not_found; invalid, when a deployment is named without its project and there are several of that
/// name.
struct Scope {
  std::optional<ProjectKey> project;
  std::optional<DeploymentKey> deployment;
};
Result<Scope> scope_of(const Call& call, db::Session& db);

/// Names of projects and deployments by key, each looked up once.
class Names {
 public:
  explicit Names(db::Session& db) : db_(db) {}
  const store::Project& project(const ProjectKey& key);
  const store::Deployment& deployment(const DeploymentKey& key);

 private:
  db::Session& db_;
  std::map<ProjectKey, store::Project> projects_;
  std::map<DeploymentKey, store::Deployment> deployments_;
};

}  // namespace cupola::api
