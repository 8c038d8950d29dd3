#include "store/organizations.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "store/columns.h"
#include "store/names.h"

namespace cupola::store {
namespace {

constexpr Words<Role, 4> role_words = {{{Role::viewer, "viewer"},
                                        {Role::operator_, "operator"},
                                        {Role::maintainer, "maintainer"},
                                        {Role::owner, "owner"}}};

constexpr Words<NetworkMode, 2> network_words = {
    {{NetworkMode::host, "host"}, {NetworkMode::isolated, "isolated"}}};

/// The digit that makes `digits` and itself valid under ISO/IEC 7812-1, annex B.
char luhn_digit(std::string_view digits) {
  int sum = 0;
  bool doubled = true;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, doubled = !doubled) {
    const int value = (*digit - '0') * (doubled ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

std::string new_account_number() {
  const std::string hex = random_hex(8);
  std::uint64_t random = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), random, 16);
  const std::string digits = fmt::format("{:09}", random % 1'000'000'000u);
  return "CUP-" + digits + luhn_digit(digits);
}

Organization to_organization(const db::Row& row) {
  return {.key = row.get<OrganizationKey>(0),
          .id = row.get<std::string>(1),
          .name = row.get<std::string>(2),
          .account_number = row.get<std::string>(3),
          .created_at = row.get<Instant>(4)};
}

User to_user(const db::Row& row) {
  return {.key = row.get<UserKey>(0),
          .login = row.get<std::string>(1),
          .created_at = row.get<Instant>(2)};
}

Member to_member(const db::Row& row) {
  return {.organization = row.get<OrganizationKey>(0),
          .organization_id = row.get<std::string>(1),
          .organization_name = row.get<std::string>(2),
          .account_number = row.get<std::string>(7),
          .user = row.get<UserKey>(3),
          .login = row.get<std::string>(4),
          .role = value_in_column(role_words, row.get<std::string>(5)),
          .token = row.get<TokenKey>(6),
          .token_name = row.get<std::string>(8)};
}

Result<void> check_login(std::string_view login) {
  const bool odd = std::any_of(login.begin(), login.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
  if (login.empty() || login.size() > 255 || odd || !is_utf8(login)) {
    return Error{Error::Kind::invalid, fmt::format("{} is no login.", quoted(login)),
                 "Give 1 to 255 bytes of UTF-8 without white space and control characters."};
  }
  return {};
}

}  // namespace

std::string_view to_text(Role role) {
  return word_for(role_words, role);
}

std::optional<Role> parse_role(std::string_view text) {
  return value_for(role_words, text);
}

Result<Organization> create_organization(db::Session& db, std::string_view name, Instant now) {
  if (const auto checked = check_name("an organization", name); !checked) return checked.error();
  for (;;) {
    const Organization made{.key = new_id<OrganizationKey>(),
                            .id = new_random_ulid(),
                            .name = std::string(name),
                            .account_number = new_account_number(),
                            .created_at = now};
    const auto added = db.execute(R"sql(
      INSERT INTO organizations (key, id, name, account_number, created_at)
      VALUES (:key, :id, :name, :account_number, :now) ON CONFLICT DO NOTHING)sql",
                                  {{"key", made.key},
                                   {"id", made.id},
                                   {"name", made.name},
                                   {"account_number", made.account_number},
                                   {"now", now}});
    if (added == 1) return made;
    if (find_organization(db, name)) {
      return Error{Error::Kind::conflict,
                   fmt::format("There is an organization named {} already.", quoted(name)),
                   "Choose another name."};
    }
    // Else the account number was another's: one of 10^9.
  }
}

std::optional<Organization> find_organization(db::Session& db, std::string_view name) {
  return db.one(
      "SELECT key, id, name, account_number, created_at FROM organizations WHERE name = :name",
      to_organization, {{"name", name}});
}

std::int64_t count_organizations(db::Session& db) {
  return db
      .one("SELECT count(*) FROM organizations",
           [](const db::Row& row) { return row.get<std::int64_t>(0); })
      .value_or(0);
}

std::string_view to_text(NetworkMode mode) {
  return word_for(network_words, mode);
}

std::optional<NetworkMode> parse_network_mode(std::string_view text) {
  return value_for(network_words, text);
}

Result<void> set_network(db::Session& db, std::string_view organization,
                         std::optional<NetworkMode> mode) {
  const auto text = mode ? std::optional(std::string(to_text(*mode))) : std::nullopt;
  if (db.execute("UPDATE organizations SET network = :network WHERE name = :name",
                 {{"network", text}, {"name", organization}}) == 1) {
    return {};
  }
  return Error{Error::Kind::not_found,
               fmt::format("There is no organization {}.", quoted(organization))};
}

Network network_of(db::Session& db, const OrganizationKey& organization) {
  const auto chosen =
      db.one("SELECT network FROM organizations WHERE key = :key",
             [](const db::Row& row) { return row.get<std::optional<std::string>>(0); },
             {{"key", organization}});
  if (chosen && *chosen) {
    return {.mode = value_in_column(network_words, **chosen), .is_default = false};
  }
  return {.mode = count_organizations(db) > 1 ? NetworkMode::isolated : NetworkMode::host};
}

Result<User> create_user(db::Session& db, std::string_view login,
                         const OrganizationKey& organization, Role role,
                         const std::optional<std::string>& password_hash, Instant now) {
  if (const auto checked = check_login(login); !checked) return checked.error();
  const auto user = db.one(R"sql(
      INSERT INTO users (key, login, password_hash, created_at)
      VALUES (:key, :login, :password_hash, :now)
      ON CONFLICT (login) DO UPDATE
        SET password_hash = coalesce(excluded.password_hash, users.password_hash)
      RETURNING key, login, created_at)sql",
                           to_user,
                           {{"key", new_id<UserKey>()},
                            {"login", login},
                            {"password_hash", password_hash},
                            {"now", now}});
  db.execute(
      R"sql(
      INSERT INTO members (organization_key, user_key, role, created_at)
      VALUES (:organization, :user, :role, :now)
      ON CONFLICT (organization_key, user_key) DO UPDATE SET role = excluded.role)sql",
      {{"organization", organization}, {"user", user->key}, {"role", to_text(role)}, {"now", now}});
  return *user;
}

std::optional<User> find_user(db::Session& db, std::string_view login) {
  return db.one("SELECT key, login, created_at FROM users WHERE login = :login", to_user,
                {{"login", login}});
}

Result<TokenKey> create_token(db::Session& db, const OrganizationKey& organization,
                              const UserKey& user, std::string_view name, std::string_view hash,
                              std::optional<Instant> expires_at, Instant now) {
  const auto member =
      db.one("SELECT role FROM members WHERE organization_key = :organization AND user_key = :user",
             [](const db::Row& row) { return row.get<std::string>(0); },
             {{"organization", organization}, {"user", user}});
  if (!member) {
    return Error{Error::Kind::not_found, "This user is no member of the organization.",
                 "Make it one first: cupola admin create-user."};
  }
  const auto key = new_id<TokenKey>();
  db.execute(R"sql(
      INSERT INTO tokens (key, organization_key, user_key, name, hash, created_at, expires_at)
      VALUES (:key, :organization, :user, :name, :hash, :now, :expires_at))sql",
             {{"key", key},
              {"organization", organization},
              {"user", user},
              {"name", printable(name)},
              {"hash", hash},
              {"now", now},
              {"expires_at", expires_at}});
  return key;
}

std::optional<Member> find_member_by_token(db::Session& db, std::string_view hash, Instant now) {
  return db.one(R"sql(
      SELECT o.key, o.id, o.name, u.key, u.login, m.role, t.key, o.account_number, t.name
      FROM tokens t
      JOIN organizations o ON o.key = t.organization_key
      JOIN users u ON u.key = t.user_key
      JOIN members m ON m.organization_key = t.organization_key AND m.user_key = t.user_key
      WHERE t.hash = :hash AND t.revoked_at IS NULL
        AND (t.expires_at IS NULL OR t.expires_at > :now))sql",
                to_member, {{"hash", hash}, {"now", now}});
}

void touch_token(db::Session& db, const TokenKey& token, Instant now) {
  db.execute("UPDATE tokens SET last_used_at = :now WHERE key = :token",
             {{"now", now}, {"token", token}});
}

bool revoke_token(db::Session& db, const OrganizationKey& organization, const TokenKey& token,
                  Instant now) {
  return db.execute(R"sql(
      UPDATE tokens SET revoked_at = :now
      WHERE organization_key = :organization AND key = :token AND revoked_at IS NULL)sql",
                    {{"now", now}, {"organization", organization}, {"token", token}}) == 1;
}

}  // namespace cupola::store
