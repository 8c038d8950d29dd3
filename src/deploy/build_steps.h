#pragma once

/// `annotations: cupola: build:`: commands of plugins that are run once for a release, and leave
/// their result in its checkout (dbt's packages, say). Private.

#include "base/outcome.h"
#include "deploy/workshop.h"

namespace cupola::deploy {

/// Runs what the content names in a fresh tree of its commit, in the sandbox of builds and with the
/// deployment's secrets, and puts that in the place of the release's checkout: sealed as that is,
/// whole or not at all. Quick when it is there already. The environments must be on this machine.
/// Errors: invalid (a command failed), those of BuildBox::run, unavailable (the server stops).
Result<void> ensure_built(const Workshop& shop, const Job& job,
                          const store::ReleaseContent& content, const ReleaseKey& release,
                          const Progress& progress);

}  // namespace cupola::deploy
