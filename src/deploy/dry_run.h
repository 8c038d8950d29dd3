#pragma once

/// What a deploy would do, without doing it. Private.

#include "base/outcome.h"
#include "deploy/workshop.h"

namespace cupola::deploy {

/// As Deployer::plan.
Result<Plan> plan(Workshop& shop, const store::Deployment& deployment, bool refresh);

}  // namespace cupola::deploy
