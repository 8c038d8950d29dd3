#pragma once

/// Tokens: for whom they act, what they may at most, and what they reach.

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

/// What a token reaches of its organization: all, one project, or one deployment of it.
struct Reach {
  std::optional<ProjectKey> project;
  std::optional<DeploymentKey> deployment;  ///< only beside its project
  bool is_all() const { return !project; }
  bool operator==(const Reach&) const = default;
};

/// Who asks: a token's holder in its organization.
struct Member {
  OrganizationKey organization;
  std::string organization_id;
  std::string organization_name;
  std::string account_number;
  UserKey user;
  std::string login;         ///< a service account's name
  bool is_service = false;   ///< a service account
  Role role = Role::viewer;  ///< the lesser of the holder's and the token's
  TokenKey token;
  std::string token_id;
  std::string token_name;
  std::optional<Instant> token_expires;
  bool has_whole_role = true;  ///< the token takes nothing from the holder's role
  Reach reach;
};

struct NewToken {
  OrganizationKey organization;
  UserKey user;
  std::string name;
  std::string hash;  ///< SHA-256 in hex
  std::optional<Role> role;
  Reach reach;
  std::optional<Instant> expires_at;
  /// SHA-256 of the cookie of the browser in which it was given.
  std::optional<std::string> browser;
};
/// Errors: not_found when the user is no member.
Result<TokenKey> create_token(db::Session& db, const NewToken& token, Instant now);

/// The name of a token outside: 16 digits of its hash, from which nobody finds the token.
std::string token_id(std::string_view hash);

/// Who holds the token with that hash, if it is neither revoked nor expired at `now`, and what it
/// reaches is still there.
std::optional<Member> find_member_by_token(db::Session& db, std::string_view hash, Instant now);
/// Hashes of the tokens that were given in the browser and are not revoked.
std::vector<std::string> list_tokens_of_browser(db::Session& db, std::string_view browser);
/// Never moves the last use back.
void touch_token(db::Session& db, const TokenKey& token, Instant now);

/// A token as it is listed; without its hash.
struct ListedToken {
  TokenKey key;
  std::string id;
  UserKey user;
  std::string holder;
  bool is_service = false;
  std::string name;
  std::optional<Role> role;
  std::optional<std::string> project;  ///< the names of what it reaches
  std::optional<std::string> deployment;
  bool is_void = false;  ///< what it reached is gone
  Instant created_at;
  std::optional<Instant> last_used_at;
  std::optional<Instant> expires_at;
};
struct TokenFilter {
  std::optional<UserKey> user;
  /// created_at and id of the last one seen.
  std::optional<std::pair<Instant, std::string>> after;
};
/// Those that are not revoked, newest first.
std::vector<ListedToken> list_tokens(db::Session& db, const OrganizationKey& organization,
                                     const TokenFilter& filter, int limit);
/// One that is not revoked.
std::optional<ListedToken> find_token(db::Session& db, const OrganizationKey& organization,
                                      std::string_view id);
/// True when a token of that organization was there and is revoked now.
bool revoke_token(db::Session& db, const OrganizationKey& organization, const TokenKey& token,
                  Instant now);
/// Revokes all of a user's in the organization; gives how many.
std::int64_t revoke_tokens_of(db::Session& db, const OrganizationKey& organization,
                              const UserKey& user, Instant now);

}  // namespace cupola::store
