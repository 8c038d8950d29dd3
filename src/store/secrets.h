#pragma once

/// Secrets of projects and deployments: kept sealed, given to runs, never shown.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/secret.h"
#include "base/time.h"
#include "db/database.h"
#include "store/vault.h"

namespace cupola::store {

struct SecretName {
  std::string name;
  std::optional<DeploymentKey> deployment;  ///< none: for all deployments of the project
  Instant updated_at;
};

/// Sets or replaces. Names are [A-Za-z_][A-Za-z0-9_]*, at most 255 bytes, and not those that
/// Cupola or the loader of programs uses (CUPOLA_*, LD_*, PATH, HOME …); values at most 64 KiB,
/// without NUL. Errors: invalid.
Result<void> set_secret(db::Session& db, const Vault& vault, const OrganizationKey& organization,
                        const ProjectKey& project, const std::optional<DeploymentKey>& deployment,
                        std::string_view name, const Secret& value, Instant now);
bool delete_secret(db::Session& db, const OrganizationKey& organization, const ProjectKey& project,
                   const std::optional<DeploymentKey>& deployment, std::string_view name);
std::vector<SecretName> list_secrets(db::Session& db, const OrganizationKey& organization,
                                     const ProjectKey& project);
/// All values for a run of the deployment; the deployment's own win over the project's. Throws
/// Failure when one cannot be opened with the vault's key.
std::map<std::string, Secret> open_secrets(db::Session& db, const Vault& vault,
                                           const ProjectKey& project,
                                           const DeploymentKey& deployment);

}  // namespace cupola::store
