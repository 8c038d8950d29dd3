#pragma once

/// What paths of the cloud CLI name. Private.

#include <vector>

#include "api/lookup.h"

namespace cupola::api::cloud {

/// A deployment as the CLI knows it: one with a live release. (In deployments.cpp.)
struct LiveDeployment {
  store::Deployment deployment;
  store::Release release;
};
/// Of {project}, within what the sender's token reaches. Errors: not_found.
Result<std::vector<LiveDeployment>> live_deployments_of(const Call& call, db::Session& db);
/// {project} and {deployment}. Errors: not_found.
Result<LiveDeployment> live_deployment_of(const Call& call, db::Session& db);

/// {run} of {project}. Errors: not_found. (In jobs.cpp.)
Result<store::ListedRun> job_of(const Call& call, db::Session& db);

}  // namespace cupola::api::cloud
