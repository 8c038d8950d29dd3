#pragma once

/// The sealed tree of a release's commit.

#include <stop_token>
#include <string>

#include "base/home.h"
#include "deploy/environments.h"
#include "deploy/options.h"
#include "git/repository.h"
#include "store/projects.h"

namespace cupola::deploy {

/// The mirror of a project's repository, with the project's GIT_TOKEN and GIT_USERNAME, or its
/// GIT_SSH_PRIVATE_KEY, if it has such secrets.
git::Repository repository_of(const Home& home, const Options& options,
                              const store::Project& project,
                              const std::map<std::string, Secret>& secrets);

/// Writes the tree of `commit`, which the mirror holds, to Home::checkout of the release, whole or
/// not at all; one that is there is left as it is. Gives what was left out, if anything, in words.
Result<std::string> ensure_checkout(const Home& home, const git::Repository& repository,
                                    const ReleaseKey& release, const std::string& commit,
                                    const std::stop_token& stop);

/// The file that says that the checkout holds what `annotations: cupola: build:` left too.
std::filesystem::path built_mark(const Home& home, const ReleaseKey& release);

}  // namespace cupola::deploy
