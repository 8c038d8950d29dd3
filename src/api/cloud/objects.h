#pragma once

/// Stored things as the cloud CLI reads them. Private.

#include <optional>
#include <string>

#include "api/route.h"
#include "base/json.h"
#include "store/deployments.h"
#include "store/projects.h"
#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::api::cloud {

/// "2026-11-23T03:18:00.250000+00:00": what Python before 3.11 can read.
std::string time_text(Instant instant);

json::object project_object(const store::Project& project, const std::string& organization_id);

/// A deployment with its live release. One that has none yet is not shown at all: it has no commit
/// and no time of a deploy, both of which the CLI must have.
json::object deployment_object(const store::Deployment& deployment, const store::Release& live);

json::object schedule_object(const store::Schedule& schedule, const store::Deployment& deployment);

/// Where a run stands in the words of the CLI, which shows all that is not over as Running, the
/// exit code 0 as Success, and any other as Failed.
struct Outcome {
  enum class Result { success, failed, running };
  Result result = Result::running;
  std::optional<int> exit_code;
};
Outcome outcome_of(const store::Run& run);

json::object execution_object(const store::ListedRun& listed, const std::string& deployment_slug);

}  // namespace cupola::api::cloud
