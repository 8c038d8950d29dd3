#pragma once

/// Sign-ins of the cloud CLI. Each has an id, two signed tokens that name it, and a row among the
/// tokens of every organization that it reaches: revoking those, or taking the holder's membership,
/// ends it.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "db/database.h"
#include "store/organizations.h"
#include "store/tokens.h"
#include "store/vault.h"

namespace cupola::auth {

inline constexpr std::size_t most_organizations = 20;

struct NewCloudSession {
  UserKey user;
  std::string login;
  std::string name;                                ///< of its tokens, in lists
  std::vector<store::Organization> organizations;  ///< at most `most_organizations`
  std::optional<store::Role> role;                 ///< it may this at most
  std::optional<std::string> browser;              ///< store::NewToken::browser
  Instant expires_at;
};
struct CloudSession {
  Secret id_token;
  Secret access_token;
  /// The hash of its row in each organization, in their order.
  std::vector<std::string> token_hashes;
};
/// Errors: not_found when the user is no member of one of them.
Result<CloudSession> open_cloud_session(db::Session& db, const store::Vault& vault,
                                        const NewCloudSession& wanted, Instant now);

/// What a token says of itself, once it is verified.
struct CloudClaims {
  std::string session;
  std::string login;
  /// Ids of organizations, and of projects of theirs, as they were at the sign-in.
  std::vector<std::pair<std::string, std::string>> places;

  bool has_organization(std::string_view id) const;
  bool has_project(std::string_view organization, std::string_view project) const;
};
/// Nothing when it is forged, expired, or none.
std::optional<CloudClaims> read_id_token(const store::Vault& vault, std::string_view token,
                                         Instant now);
std::optional<CloudClaims> read_access_token(const store::Vault& vault, std::string_view token,
                                             Instant now);

/// The hash under which the session's row in the organization is kept.
std::string cloud_token_hash(std::string_view session, const OrganizationKey& organization);

/// Stands in the claim for a project where an organization has none.
inline constexpr std::string_view no_project = "00000000000000000000000000";

}  // namespace cupola::auth
