#pragma once

/// The files of a release that was built before, here or elsewhere. Private.

#include "base/outcome.h"
#include "deploy/workshop.h"

namespace cupola::deploy {

/// As Deployer::ensure_checkout.
Result<void> ensure_checkout(Workshop& shop, const store::Release& release);

/// As Deployer::ensure_files.
Result<void> ensure_files(Workshop& shop, const store::Release& release);

}  // namespace cupola::deploy
