#pragma once

/// The server as a whole: everything is built here and handed to what needs it.

#include "app/server_options.h"

namespace cupola::app {

/// Serves until SIGTERM or SIGINT, then ends with 0. Prints "listening on http://…" on standard
/// output when ready. Throws Failure when it cannot start: the folder is not writable, in use by
/// another server or from a newer version, the key is another one, the address is taken.
int run_server(const ServerOptions& options);

}  // namespace cupola::app
