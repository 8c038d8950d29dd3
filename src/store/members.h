#pragma once

/// Who belongs to an organization, with which role. People only: service accounts have a page of
/// their own (store/service_accounts.h).

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

struct Membership {
  UserKey user;
  std::string login;
  Role role = Role::viewer;
  Instant since;
};

/// By login, after the login `after`.
std::vector<Membership> list_members(db::Session& db, const OrganizationKey& organization,
                                     std::string_view after, int limit);
std::optional<Membership> find_member(db::Session& db, const OrganizationKey& organization,
                                      std::string_view login);

/// Errors: conflict, when nobody else of the organization is an owner and this one would be none.
/// Two that are asked for at once come one after the other.
Result<void> set_role(db::Session& db, const OrganizationKey& organization, const UserKey& user,
                      Role role);
/// Takes a person out of the organization and revokes all tokens there; the user stays, as may be
/// in others. Errors: conflict, as above.
Result<void> remove_member(db::Session& db, const OrganizationKey& organization,
                           const UserKey& user, Instant now);

/// An organization that a user belongs to.
struct Belonging {
  OrganizationKey organization;
  std::string name;
  Role role = Role::viewer;
};
/// By name.
std::vector<Belonging> organizations_of(db::Session& db, const UserKey& user);

/// How a person signs in.
struct Account {
  UserKey user;
  std::optional<std::string> password_hash;  ///< none: not by a password
  bool operator==(const Account&) const = default;
};
std::optional<Account> find_account(db::Session& db, std::string_view login);

}  // namespace cupola::store
