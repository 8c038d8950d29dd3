#pragma once

/// Secrets of projects and deployments: kept sealed, given to runs as variables. Plain variables
/// and references to values that lie elsewhere are kept beside them in the same way.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/secret.h"
#include "base/time.h"
#include "db/database.h"
#include "store/vault.h"

namespace cupola::store {

enum class SecretKind {
  secret,    ///< never shown, masked in logs
  plain,     ///< readable by those who may set it, not masked
  reference  ///< says where the value is found when a run starts: "file:…", "exec:…"
};
std::string_view to_text(SecretKind kind);

/// How a value is given to runs.
struct SecretForm {
  SecretKind kind = SecretKind::secret;
  bool as_file = false;  ///< the variable holds the path of a file with the value
};

struct SecretName {
  std::string name;
  std::optional<DeploymentKey> deployment;  ///< none: for all deployments of the project
  SecretForm form;
  std::optional<std::string> shown;  ///< a plain value, or where a reference leads
  Instant updated_at;
};

/// Sets or replaces. Names: store/secret_names.h; values at most 64 KiB, without NUL. Errors:
/// invalid.
Result<void> set_secret(db::Session& db, const Vault& vault, const OrganizationKey& organization,
                        const ProjectKey& project, const std::optional<DeploymentKey>& deployment,
                        std::string_view name, const Secret& value, Instant now,
                        const SecretForm& form = {});
bool delete_secret(db::Session& db, const OrganizationKey& organization, const ProjectKey& project,
                   const std::optional<DeploymentKey>& deployment, std::string_view name);
/// Of the project and its deployments, by name. Throws Failure when what may be shown cannot be
/// opened with the vault's key.
std::vector<SecretName> list_secrets(db::Session& db, const Vault& vault,
                                     const OrganizationKey& organization,
                                     const ProjectKey& project);

struct OpenedSecret {
  Secret value;
  SecretForm form;
};
/// All for a run of the deployment, by name; the deployment's own win over the project's. Throws
/// Failure when one cannot be opened with the vault's key.
std::map<std::string, OpenedSecret> open_secrets(db::Session& db, const Vault& vault,
                                                 const ProjectKey& project,
                                                 const DeploymentKey& deployment);

}  // namespace cupola::store
