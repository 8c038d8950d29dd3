#pragma once

/// Accounts of programs: members of one organization that have tokens and no password.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/organizations.h"

namespace cupola::store {

/// What the login of each begins with; no person's may.
inline constexpr std::string_view service_login = "service:";

struct ServiceAccount {
  UserKey user;
  std::string name;
  Role role = Role::viewer;
  Instant created_at;
  std::int64_t tokens = 0;              ///< that are not revoked
  std::optional<Instant> last_used_at;  ///< of any of its tokens
};

/// Errors: conflict (name taken in the organization), invalid (name).
Result<ServiceAccount> create_service_account(db::Session& db, const OrganizationKey& organization,
                                              std::string_view name, Role role, Instant now);
/// By name, after the name `after`.
std::vector<ServiceAccount> list_service_accounts(db::Session& db,
                                                  const OrganizationKey& organization,
                                                  std::string_view after, int limit);
std::optional<ServiceAccount> find_service_account(db::Session& db,
                                                   const OrganizationKey& organization,
                                                   std::string_view name);
/// Takes it and its tokens away.
void delete_service_account(db::Session& db, const UserKey& user);

}  // namespace cupola::store
