#pragma once

/// Runs one git command in a sealed environment. Private to the module.

#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "git/repository.h"
#include "process/program.h"

namespace cupola::git {

struct Call {
  std::vector<std::string> args;           ///< after "git"
  std::map<std::string, std::string> env;  ///< besides the sealed one
  std::filesystem::path folder;
  std::function<void(std::string_view line)> on_line;
  const Access* access = nullptr;  ///< for commands that speak to the host
};

/// Errors: unavailable (git is not installed, time-out, stopped). A command that ran and failed is
/// an Output with its exit code. `settings` is the file written by `write_settings`.
Result<process::Output> run(const Options& options, const std::filesystem::path& settings,
                            const Call& call, const std::stop_token& stop = {});

/// The configuration that stands in place of the machine's and the user's; written only when it
/// differs. Gives its path.
std::filesystem::path write_settings(const std::filesystem::path& folder, bool allow_local);

}  // namespace cupola::git
