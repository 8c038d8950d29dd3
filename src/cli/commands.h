#pragma once

/// The commands of `cupola` that talk to a server, to a folder or to files: everything but the
/// server itself. Results go to standard output, all else to standard error.

#include <functional>
#include <string>

#include "base/outcome.h"

namespace CLI {
class App;
}

namespace cupola::cli {

/// What the words of the command line asked for; gives the exit code.
using Work = std::function<Result<int>()>;

/// What parsing finds out. Lives until the program ends.
struct Context {
  std::string url;  ///< of the server, by --url; empty: by CUPOLA_URL, the login, the default
  Work chosen;      ///< set by the command that was named; nothing is done while parsing
};

/// Adds every command of this module to `root`.
void add_commands(CLI::App& root, Context& context);

/// Parses the words and does what was chosen. Tells what went wrong as "cupola: what happened.
/// what to do" on standard error. Gives the exit code: 0 done, 1 failed, 2 wrong usage.
int run_program(CLI::App& root, Context& context, int argc, char** argv);

}  // namespace cupola::cli
