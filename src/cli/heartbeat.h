#pragma once

/// `cupola notification heartbeat`: what is pinged while the scheduler lives.

#include "cli/command.h"

namespace cupola::cli {

void add_heartbeat_commands(CLI::App& notification, Context& context);

}  // namespace cupola::cli
