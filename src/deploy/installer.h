#pragma once

/// The steps of uv: resolve, make an environment, install, compile.

#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "deploy/build_box.h"
#include "deploy/environments.h"

namespace cupola::deploy {

/// What an installer's failure means to a person. `what` is the subject: "The plugin tap-x".
Error installer_error(std::string_view what, std::string_view words,
                      const std::map<std::string, Secret>& secrets);

/// The box for a source: with a copy of the repository when `needs_repository`.
BoxContent box_for(const Source& source, const Interpreter& python, const std::filesystem::path& uv,
                   const std::filesystem::path& work, bool needs_repository);

/// Writes the .gitconfig that git finds in the box: whose repositories may be read, the project's
/// token for its own host, and its key for every host that is asked over ssh. Those that the server
/// in `home` knows are known there.
void write_git_settings(const std::filesystem::path& work, const Source& source,
                        const std::filesystem::path& home);

/// The environment of installers: that of the operator, and local git only where allowed.
std::map<std::string, std::string> box_environment(const Options& options);

/// Options of uv, apart: addresses of indexes may hold passwords, and words of a command line can
/// be read by everybody on the machine, so they become variables.
struct InstallerCall {
  std::vector<std::string> words;
  std::map<std::string, std::string> env;
};
InstallerCall with_hidden_addresses(const std::vector<std::string>& options,
                                    std::map<std::string, std::string> env);

}  // namespace cupola::deploy
