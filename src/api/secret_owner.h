#pragma once

/// Whose secrets a request is about, and how one is shown. Private.

#include <optional>
#include <string>

#include "api/lookup.h"
#include "base/secret.h"
#include "store/secrets.h"

namespace cupola::api {

/// {project}, and the deployment that ?deployment= narrows it to.
struct SecretOwner {
  store::Project project;
  std::optional<DeploymentKey> deployment;
  std::string deployment_name;
};
/// Errors: not_found.
Result<SecretOwner> secret_owner_of(const Call& call, db::Session& db);

/// Whether a value is hidden in logs; the note says why it is not.
struct Masking {
  bool masked = true;
  std::string note;
};
Masking masking_of(const Secret& value, const store::SecretForm& form);

}  // namespace cupola::api
