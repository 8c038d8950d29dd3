#pragma once

/// Organizations, users, their roles and their tokens.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

/// What a member may do, each more than the one before.
enum class Role { viewer, operator_, maintainer, owner };
std::string_view to_text(Role role);  // "viewer", "operator", "maintainer", "owner"
std::optional<Role> parse_role(std::string_view text);

struct Organization {
  OrganizationKey key;
  std::string id;  ///< ULID shape, all bits random; can be rotated
  std::string name;
  std::string account_number;  ///< "CUP-" and 10 digits, the last a Luhn digit; never changes
  Instant created_at;
};

struct User {
  UserKey key;
  std::string login;
  Instant created_at;
};

/// Who asks: a token's user in its organization.
struct Member {
  OrganizationKey organization;
  std::string organization_id;
  std::string organization_name;
  std::string account_number;
  UserKey user;
  std::string login;
  Role role = Role::viewer;
  TokenKey token;
  std::string token_name;
};

/// Makes an organization with a fresh id and account number. Errors: conflict (name taken), invalid
/// (name empty, over 100 bytes, or with control characters).
Result<Organization> create_organization(db::Session& db, std::string_view name, Instant now);
std::optional<Organization> find_organization(db::Session& db, std::string_view name);
std::int64_t count_organizations(db::Session& db);

/// Which network the runs of an organization have: the host's, or one of their own.
enum class NetworkMode { host, isolated };
std::string_view to_text(NetworkMode mode);  // "host", "isolated"
std::optional<NetworkMode> parse_network_mode(std::string_view text);
struct Network {
  NetworkMode mode = NetworkMode::host;
  /// Nobody chose it: host while there is one organization, isolated with more.
  bool is_default = true;
};
/// Errors: not_found. Nothing: by default again.
Result<void> set_network(db::Session& db, std::string_view organization,
                         std::optional<NetworkMode> mode);
Network network_of(db::Session& db, const OrganizationKey& organization);

/// Makes the user where there is none of that login, and gives the role in the organization (a
/// second call changes it). Errors: invalid (login).
Result<User> create_user(db::Session& db, std::string_view login,
                         const OrganizationKey& organization, Role role,
                         const std::optional<std::string>& password_hash, Instant now);
std::optional<User> find_user(db::Session& db, std::string_view login);

/// Keeps a token by its SHA-256 (hex). Errors: not_found when the user is no member.
Result<TokenKey> create_token(db::Session& db, const OrganizationKey& organization,
                              const UserKey& user, std::string_view name, std::string_view hash,
                              std::optional<Instant> expires_at, Instant now);

/// Who holds the token with that hash, if it is neither revoked nor expired at `now`.
std::optional<Member> find_member_by_token(db::Session& db, std::string_view hash, Instant now);
void touch_token(db::Session& db, const TokenKey& token, Instant now);
/// True when a token of that organization was there and is revoked now.
bool revoke_token(db::Session& db, const OrganizationKey& organization, const TokenKey& token,
                  Instant now);

}  // namespace cupola::store
