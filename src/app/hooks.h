#pragma once

/// What the API asks of other modules, put together.

#include "api/context.h"
#include "app/server_options.h"
#include "base/home.h"
#include "deploy/deployer.h"

namespace cupola::app {

/// The hooks that need no thread: checks of sources and receivers, plans, state ids. The wakes are
/// the caller's.
api::Hooks make_hooks(deploy::Deployer& deployer, const Home& home, const ServerOptions& options);

}  // namespace cupola::app
