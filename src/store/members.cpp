#include "store/members.h"

#include <fmt/format.h>

#include "store/hold.h"
#include "store/tokens.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

Role to_role(const std::string& word) {
  const auto role = parse_role(word);
  if (!role) throw Failure("The database holds a role that is not known here: " + word);
  return *role;
}

Membership to_membership(const db::Row& row) {
  return {.user = row.get<UserKey>(0),
          .login = row.get<std::string>(1),
          .role = to_role(row.get<std::string>(2)),
          .since = row.get<Instant>(3)};
}

#define MEMBERS                                                \
  "SELECT u.key, u.login, m.role, m.created_at FROM members m" \
  " JOIN users u ON u.key = m.user_key"                        \
  " WHERE m.organization_key = :organization AND NOT EXISTS"   \
  " (SELECT 1 FROM service_accounts s WHERE s.user_key = u.key)"

// Two owners who take the role from each other at once must not both find another one: the
// organization's row is held until the transaction ends.
Result<void> check_another_owner(db::Session& db, const OrganizationKey& organization,
                                 const UserKey& user) {
  hold(db, organization);
  bool is_owner = false;
  bool has_others = false;
  for (const Membership& member :
       db.all(MEMBERS " AND m.role = 'owner'", to_membership, {{"organization", organization}})) {
    (member.user == user ? is_owner : has_others) = true;
  }
  if (!is_owner || has_others) return {};
  return Error{Error::Kind::conflict, "This is the last owner of the organization.",
               "Make somebody else an owner first."};
}

}  // namespace

std::vector<Membership> list_members(db::Session& db, const OrganizationKey& organization,
                                     std::string_view after, int limit) {
  return db.all(MEMBERS R"sql( AND u.login /* pg: COLLATE "C" */ > :after
      ORDER BY u.login /* pg: COLLATE "C" */ LIMIT :limit)sql",
                to_membership,
                {{"organization", organization}, {"after", after}, {"limit", limit}});
}

std::optional<Membership> find_member(db::Session& db, const OrganizationKey& organization,
                                      std::string_view login) {
  return db.one(MEMBERS " AND u.login = :login", to_membership,
                {{"organization", organization}, {"login", login}});
}

Result<void> set_role(db::Session& db, const OrganizationKey& organization, const UserKey& user,
                      Role role) {
  if (role != Role::owner) {
    const auto checked = check_another_owner(db, organization, user);
    if (!checked) return checked.error();
  }
  db.tell(topics::people);
  db.execute(
      "UPDATE members SET role = :role WHERE organization_key = :organization AND user_key = :user",
      {{"role", to_text(role)}, {"organization", organization}, {"user", user}});
  return {};
}

Result<void> remove_member(db::Session& db, const OrganizationKey& organization,
                           const UserKey& user, Instant now) {
  const auto checked = check_another_owner(db, organization, user);
  if (!checked) return checked.error();
  revoke_tokens_of(db, organization, user, now);
  db.execute("DELETE FROM members WHERE organization_key = :organization AND user_key = :user",
             {{"organization", organization}, {"user", user}});
  return {};
}

std::vector<Belonging> organizations_of(db::Session& db, const UserKey& user) {
  return db.all(R"sql(
      SELECT o.key, o.name, m.role FROM members m JOIN organizations o ON o.key = m.organization_key
      WHERE m.user_key = :user ORDER BY o.name /* pg: COLLATE "C" */)sql",
                [](const db::Row& row) {
                  return Belonging{.organization = row.get<OrganizationKey>(0),
                                   .name = row.get<std::string>(1),
                                   .role = to_role(row.get<std::string>(2))};
                },
                {{"user", user}});
}

std::optional<Account> find_account(db::Session& db, std::string_view login) {
  return db.one("SELECT key, password_hash FROM users WHERE login = :login",
                [](const db::Row& row) {
                  return Account{.user = row.get<UserKey>(0),
                                 .password_hash = row.get<std::optional<std::string>>(1)};
                },
                {{"login", login}});
}

}  // namespace cupola::store
