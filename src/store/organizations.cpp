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

constexpr std::size_t longest_line = 200;
constexpr std::size_t most_lines = 10;

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

bool is_line(std::string_view text) {
  return text.size() <= longest_line && is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> check_billing(const Billing& billing) {
  if (!is_line(billing.name)) {
    return Error{Error::Kind::invalid, "The billing name is no name.",
                 "Give at most 200 bytes of UTF-8 without control characters."};
  }
  const auto lines = split(billing.address, '\n');
  if (lines.size() > most_lines || !std::all_of(lines.begin(), lines.end(), is_line)) {
    return Error{Error::Kind::invalid, "The billing address is none.",
                 "Give at most 10 lines of at most 200 bytes of UTF-8, with a newline (and no "
                 "carriage return) between them."};
  }
  if (billing.email.empty()) return {};
  return check_email(billing.email);
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

std::optional<Organization> find_organization(db::Session& db, const OrganizationKey& key) {
  return db.one(
      "SELECT key, id, name, account_number, created_at FROM organizations WHERE key = :key",
      to_organization, {{"key", key}});
}

std::optional<Organization> find_organization_by_id(db::Session& db, std::string_view id) {
  return db.one(
      "SELECT key, id, name, account_number, created_at FROM organizations WHERE id = :id",
      to_organization, {{"id", id}});
}

std::vector<OrganizationKey> list_organizations(db::Session& db) {
  return db.all("SELECT key FROM organizations ORDER BY key",
                [](const db::Row& row) { return row.get<OrganizationKey>(0); });
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

Billing billing_of(db::Session& db, const OrganizationKey& organization) {
  const auto billing = db.one(
      R"sql(
      SELECT coalesce(billing_name, ''), coalesce(billing_address, ''), coalesce(billing_email, '')
      FROM organizations WHERE key = :key)sql",
      [](const db::Row& row) {
        return Billing{.name = row.get<std::string>(0),
                       .address = row.get<std::string>(1),
                       .email = row.get<std::string>(2)};
      },
      {{"key", organization}});
  return billing.value_or(Billing{});
}

Result<void> set_billing(db::Session& db, const OrganizationKey& organization,
                         const Billing& billing) {
  if (const auto checked = check_billing(billing); !checked) return checked.error();
  db.execute(R"sql(
      UPDATE organizations SET billing_name = :name, billing_address = :address,
        billing_email = :email WHERE key = :key)sql",
             {{"name", billing.name},
              {"address", billing.address},
              {"email", billing.email},
              {"key", organization}});
  return {};
}

std::string rotate_organization_id(db::Session& db, const OrganizationKey& organization) {
  const std::string id = new_random_ulid();
  db.execute("UPDATE organizations SET id = :id WHERE key = :key",
             {{"id", id}, {"key", organization}});
  return id;
}

}  // namespace cupola::store
