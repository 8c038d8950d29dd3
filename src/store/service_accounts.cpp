#include "store/service_accounts.h"

#include <fmt/format.h>

#include "base/text.h"
#include "store/names.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

ServiceAccount to_account(const db::Row& row) {
  const auto role = parse_role(row.get<std::string>(2));
  if (!role) throw Failure("The database holds a service account without a known role.");
  return {.user = row.get<UserKey>(0),
          .name = row.get<std::string>(1),
          .role = *role,
          .created_at = row.get<Instant>(3),
          .tokens = row.get<std::int64_t>(4),
          .last_used_at = row.get<std::optional<Instant>>(5)};
}

#define ACCOUNTS                                                                           \
  "SELECT s.user_key, s.name, m.role, s.created_at,"                                       \
  " (SELECT count(*) FROM tokens t WHERE t.organization_key = s.organization_key"          \
  "  AND t.user_key = s.user_key AND t.revoked_at IS NULL),"                               \
  " (SELECT max(last_used_at) FROM tokens t WHERE t.organization_key = s.organization_key" \
  "  AND t.user_key = s.user_key)"                                                         \
  " FROM service_accounts s JOIN members m ON m.organization_key = s.organization_key"     \
  "  AND m.user_key = s.user_key WHERE s.organization_key = :organization"

}  // namespace

Result<ServiceAccount> create_service_account(db::Session& db, const OrganizationKey& organization,
                                              std::string_view name, Role role, Instant now) {
  if (const auto checked = check_name("a service account", name); !checked) return checked.error();
  const auto user = new_id<UserKey>();
  // The login is never shown; it is there because each user has one, and no two the same.
  db.execute("INSERT INTO users (key, login, created_at) VALUES (:key, :login, :now)",
             {{"key", user}, {"login", std::string(service_login) + user.text()}, {"now", now}});
  const auto added =
      db.execute(R"sql(
      INSERT INTO service_accounts (user_key, organization_key, name, created_at)
      VALUES (:user, :organization, :name, :now) ON CONFLICT (organization_key, name) DO NOTHING)sql",
                 {{"user", user}, {"organization", organization}, {"name", name}, {"now", now}});
  if (added == 0) {
    db.execute("DELETE FROM users WHERE key = :key", {{"key", user}});
    return Error{Error::Kind::conflict,
                 fmt::format("There is a service account {} already.", quoted(name)),
                 "Choose another name."};
  }
  db.execute(
      R"sql(INSERT INTO members (organization_key, user_key, role, created_at)
      VALUES (:organization, :user, :role, :now))sql",
      {{"organization", organization}, {"user", user}, {"role", to_text(role)}, {"now", now}});
  return ServiceAccount{.user = user, .name = std::string(name), .role = role, .created_at = now};
}

std::vector<ServiceAccount> list_service_accounts(db::Session& db,
                                                  const OrganizationKey& organization,
                                                  std::string_view after, int limit) {
  return db.all(ACCOUNTS R"sql( AND s.name /* pg: COLLATE "C" */ > :after
      ORDER BY s.name /* pg: COLLATE "C" */ LIMIT :limit)sql",
                to_account, {{"organization", organization}, {"after", after}, {"limit", limit}});
}

std::optional<ServiceAccount> find_service_account(db::Session& db,
                                                   const OrganizationKey& organization,
                                                   std::string_view name) {
  return db.one(ACCOUNTS " AND s.name = :name", to_account,
                {{"organization", organization}, {"name", name}});
}

void delete_service_account(db::Session& db, const UserKey& user) {
  db.tell(topics::people);
  for (const std::string_view statement :
       {"DELETE FROM tokens WHERE user_key = :user", "DELETE FROM members WHERE user_key = :user",
        "DELETE FROM service_accounts WHERE user_key = :user",
        "DELETE FROM users WHERE key = :user"}) {
    db.execute(statement, {{"user", user}});
  }
}

}  // namespace cupola::store
