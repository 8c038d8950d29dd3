#pragma once

/// What the API asks of other modules, put together.

#include "api/context.h"
#include "base/home.h"
#include "deploy/deployer.h"

namespace cupola::app {

/// The hooks that need no thread: checks of sources, plans, state ids. The wakes are the caller's.
api::Hooks make_hooks(deploy::Deployer& deployer, const Home& home, bool allow_local_repositories);

}  // namespace cupola::app
