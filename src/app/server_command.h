#pragma once

/// The command `cupola server`.

#include <functional>

namespace CLI {
class App;
}

namespace cupola::app {

/// Adds the command; `chosen` is called with what it does when the command line names it, and that
/// gives the exit code.
void add_server_command(CLI::App& root, const std::function<void(std::function<int()>)>& chosen);

}  // namespace cupola::app
