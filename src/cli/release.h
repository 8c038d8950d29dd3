#pragma once

/// Releases from the client's side: waiting for one, and showing its log.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/outcome.h"
#include "cli/api.h"

namespace cupola::cli {

/// A deployment by its project and its own name.
struct DeploymentName {
  std::string project;
  std::string deployment;
};

/// The path of it, and of what is below.
std::string deployment_path(const DeploymentName& name, std::string_view below = "");

/// Shows the log of release `number` as it grows, on standard error, until the release is live or
/// failed. Gives its last status: "live", "unchanged", "failed" or "retired". Where it failed the
/// Error says why.
Result<std::string> follow_release(const Api& api, const DeploymentName& name, std::int64_t number);

}  // namespace cupola::cli
