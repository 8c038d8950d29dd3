#pragma once

/// What a resolution says and hides: the texts that resolving and building have in common.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/secret.h"
#include "deploy/build_box.h"
#include "deploy/options.h"

namespace cupola::deploy {

/// Whom a message is about: "The plugin tap-x (extractors)".
std::string subject(const std::vector<std::string>& names);

/// Secrets in words with an address, as `${NAME}` again; a secret elsewhere cannot be in a
/// resolution: there are names, versions and hashes only. And back.
std::string hide(std::string_view text, const std::map<std::string, Secret>& secrets);
std::string reveal(std::string_view text, const std::map<std::string, Secret>& secrets);
std::vector<std::string> reveal(std::vector<std::string> texts,
                                const std::map<std::string, Secret>& secrets);

/// Whether the resolution names something in the repository.
bool needs_repository(std::string_view resolution);

/// Shows the box local repositories that git dependencies in `text` name, where the operator allows
/// them.
void add_local_repositories(BoxContent& box, std::string_view text, const Options& options);

/// The address of what only one organization may use.
std::string own_address(std::string_view shared_key, const OrganizationKey& organization);

}  // namespace cupola::deploy
