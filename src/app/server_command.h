#pragma once

/// The command `cupola server`.

#include "cli/commands.h"

namespace cupola::app {

void add_server_command(CLI::App& root, cli::Context& context);

}  // namespace cupola::app
