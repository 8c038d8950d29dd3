#include "store/tokens.h"

#include <algorithm>

#include "base/text.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

constexpr std::size_t id_digits = 16;

#define TOKEN_ID "substr(t.hash, 1, 16)"
#define LISTED_TOKEN                                                              \
  "SELECT t.key, " TOKEN_ID                                                       \
  ", u.key, coalesce(s.name, u.login),"                                           \
  " CASE WHEN s.name IS NULL THEN 0 ELSE 1 END, t.name, t.role, p.name, d.name,"  \
  " CASE WHEN t.project_key IS NOT NULL AND p.key IS NULL THEN 1"                 \
  " WHEN t.deployment_key IS NOT NULL AND d.key IS NULL THEN 1 ELSE 0 END,"       \
  " t.created_at, t.last_used_at, t.expires_at"                                   \
  " FROM tokens t JOIN users u ON u.key = t.user_key"                             \
  " LEFT JOIN service_accounts s ON s.user_key = u.key"                           \
  " LEFT JOIN projects p ON p.key = t.project_key AND p.deleted_at IS NULL"       \
  " LEFT JOIN deployments d ON d.key = t.deployment_key AND d.deleted_at IS NULL" \
  " WHERE t.organization_key = :organization AND t.revoked_at IS NULL"

std::optional<Role> to_role(const std::optional<std::string>& column) {
  if (!column) return std::nullopt;
  const auto role = parse_role(*column);
  if (!role) throw Failure("The database holds a role that is not known here: " + *column);
  return role;
}

Member to_member(const db::Row& row) {
  const Role role = *to_role(row.get<std::string>(5));
  const Role most = to_role(row.get<std::optional<std::string>>(10)).value_or(Role::owner);
  return {.organization = row.get<OrganizationKey>(0),
          .organization_id = row.get<std::string>(1),
          .organization_name = row.get<std::string>(2),
          .account_number = row.get<std::string>(7),
          .user = row.get<UserKey>(3),
          .login = row.get<std::string>(4),
          .is_service = row.get<bool>(9),
          .role = std::min(role, most),
          .token = row.get<TokenKey>(6),
          .token_id = row.get<std::string>(11),
          .token_name = row.get<std::string>(8),
          .token_expires = row.get<std::optional<Instant>>(12),
          .has_whole_role = most >= role,
          .reach = {.project = row.get<std::optional<ProjectKey>>(13),
                    .deployment = row.get<std::optional<DeploymentKey>>(14)}};
}

ListedToken to_listed(const db::Row& row) {
  return {.key = row.get<TokenKey>(0),
          .id = row.get<std::string>(1),
          .user = row.get<UserKey>(2),
          .holder = row.get<std::string>(3),
          .is_service = row.get<bool>(4),
          .name = row.get<std::string>(5),
          .role = to_role(row.get<std::optional<std::string>>(6)),
          .project = row.get<std::optional<std::string>>(7),
          .deployment = row.get<std::optional<std::string>>(8),
          .is_void = row.get<bool>(9),
          .created_at = row.get<Instant>(10),
          .last_used_at = row.get<std::optional<Instant>>(11),
          .expires_at = row.get<std::optional<Instant>>(12)};
}

}  // namespace

std::string token_id(std::string_view hash) {
  return std::string(hash.substr(0, id_digits));
}

Result<TokenKey> create_token(db::Session& db, const NewToken& token, Instant now) {
  const auto member =
      db.one("SELECT role FROM members WHERE organization_key = :organization AND user_key = :user",
             [](const db::Row& row) { return row.get<std::string>(0); },
             {{"organization", token.organization}, {"user", token.user}});
  if (!member) {
    return Error{Error::Kind::not_found, "This user is no member of the organization.",
                 "Make it one first: cupola admin create-user, or an invitation."};
  }
  const auto key = new_id<TokenKey>();
  db.execute(
      R"sql(
      INSERT INTO tokens (key, organization_key, user_key, name, hash, created_at, expires_at, role,
                          project_key, deployment_key, browser)
      VALUES (:key, :organization, :user, :name, :hash, :now, :expires_at, :role, :project,
              :deployment, :browser))sql",
      {{"key", key},
       {"organization", token.organization},
       {"user", token.user},
       {"name", printable(token.name)},
       {"hash", token.hash},
       {"now", now},
       {"expires_at", token.expires_at},
       {"role", token.role ? std::optional(std::string(to_text(*token.role))) : std::nullopt},
       {"project", token.reach.project},
       {"deployment", token.reach.deployment},
       {"browser", token.browser}});
  return key;
}

std::optional<Member> find_member_by_token(db::Session& db, std::string_view hash, Instant now) {
  return db.one(
      "SELECT o.key, o.id, o.name, u.key, coalesce(s.name, u.login), m.role, t.key,"
      " o.account_number, t.name, CASE WHEN s.name IS NULL THEN 0 ELSE 1 END, t.role, " TOKEN_ID
      R"sql(, t.expires_at, t.project_key, t.deployment_key
      FROM tokens t
      JOIN organizations o ON o.key = t.organization_key
      JOIN users u ON u.key = t.user_key
      JOIN members m ON m.organization_key = t.organization_key AND m.user_key = t.user_key
      LEFT JOIN service_accounts s ON s.user_key = u.key
      WHERE t.hash = :hash AND t.revoked_at IS NULL
        AND (t.expires_at IS NULL OR t.expires_at > :now)
        AND (t.project_key IS NULL OR EXISTS
             (SELECT 1 FROM projects p
              WHERE p.key = t.project_key AND p.deleted_at IS NULL))
        AND (t.deployment_key IS NULL OR EXISTS
             (SELECT 1 FROM deployments d
              WHERE d.key = t.deployment_key AND d.deleted_at IS NULL)))sql",
      to_member, {{"hash", hash}, {"now", now}});
}

std::vector<std::string> list_tokens_of_browser(db::Session& db, std::string_view browser) {
  return db.all(
      "SELECT hash FROM tokens WHERE browser = :browser AND revoked_at IS NULL ORDER BY hash",
      [](const db::Row& row) { return row.get<std::string>(0); }, {{"browser", browser}});
}

void touch_token(db::Session& db, const TokenKey& token, Instant now) {
  db.execute(R"sql(
      UPDATE tokens SET last_used_at = :now
      WHERE key = :token AND (last_used_at IS NULL OR last_used_at < :now))sql",
             {{"now", now}, {"token", token}});
}

std::vector<ListedToken> list_tokens(db::Session& db, const OrganizationKey& organization,
                                     const TokenFilter& filter, int limit) {
  db::Params params = {{"organization", organization}, {"limit", limit}};
  std::string sql = LISTED_TOKEN;
  if (filter.user) {
    sql += " AND t.user_key = :user";
    params.emplace_back("user", *filter.user);
  }
  if (filter.after) {
    sql += " AND (t.created_at, " TOKEN_ID ") < (:at, :id)";
    params.emplace_back("at", filter.after->first);
    params.emplace_back("id", filter.after->second);
  }
  sql += " ORDER BY t.created_at DESC, " TOKEN_ID " DESC LIMIT :limit";
  return db.all(sql, to_listed, params);
}

std::optional<ListedToken> find_token(db::Session& db, const OrganizationKey& organization,
                                      std::string_view id) {
  return db.one(LISTED_TOKEN " AND " TOKEN_ID " = :id", to_listed,
                {{"organization", organization}, {"id", id}});
}

bool revoke_token(db::Session& db, const OrganizationKey& organization, const TokenKey& token,
                  Instant now) {
  db.tell(topics::people);
  return db.execute(R"sql(
      UPDATE tokens SET revoked_at = :now
      WHERE organization_key = :organization AND key = :token AND revoked_at IS NULL)sql",
                    {{"now", now}, {"organization", organization}, {"token", token}}) == 1;
}

std::int64_t revoke_tokens_of(db::Session& db, const OrganizationKey& organization,
                              const UserKey& user, Instant now) {
  db.tell(topics::people);
  return db.execute(R"sql(
      UPDATE tokens SET revoked_at = :now
      WHERE organization_key = :organization AND user_key = :user AND revoked_at IS NULL)sql",
                    {{"now", now}, {"organization", organization}, {"user", user}});
}

}  // namespace cupola::store
