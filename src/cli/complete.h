#pragma once

/// What could stand next on a command line: the one answer behind the completion of every shell.

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace cupola::cli {

/// `words` are those after the program's name; the last one, perhaps empty, is being typed. Gives
/// commands, options, or the values that an option takes, as far as they begin like it; in order.
std::vector<std::string> complete(const CLI::App& root, const std::vector<std::string>& words);

}  // namespace cupola::cli
