#pragma once

/// Organizations, users and their roles.

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

/// Makes an organization with a fresh id and account number. Errors: conflict (name taken), invalid
/// (name empty, over 100 bytes, or with control characters).
Result<Organization> create_organization(db::Session& db, std::string_view name, Instant now);
std::optional<Organization> find_organization(db::Session& db, std::string_view name);
std::optional<Organization> find_organization(db::Session& db, const OrganizationKey& key);
std::optional<Organization> find_organization_by_id(db::Session& db, std::string_view id);
std::int64_t count_organizations(db::Session& db);
std::vector<OrganizationKey> list_organizations(db::Session& db);

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

/// Whom and where an invoice goes to; what nobody gave is empty.
struct Billing {
  std::string name;
  std::string address;  ///< lines, with a newline between
  std::string email;
  bool operator==(const Billing&) const = default;
};
Billing billing_of(db::Session& db, const OrganizationKey& organization);
/// Errors: invalid (a name or line over 200 bytes, more than 10 lines, control characters, an
/// e-mail address that is none).
Result<void> set_billing(db::Session& db, const OrganizationKey& organization,
                         const Billing& billing);

/// Gives the organization a new id. Nothing else names it by its id: all goes on.
std::string rotate_organization_id(db::Session& db, const OrganizationKey& organization);

}  // namespace cupola::store
