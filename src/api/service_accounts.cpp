#include "store/service_accounts.h"

#include "api/audit.h"
#include "api/cursor.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/people.h"
#include "api/to_json.h"
#include "base/text.h"
#include "store/hold.h"
#include "store/members.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "service_accounts";
constexpr std::size_t longest_name = 100;

json::object to_json(const store::ServiceAccount& account) {
  return {{"name", json_text(account.name)},
          {"role", to_text(account.role)},
          {"tokens", account.tokens},
          {"created_at", to_rfc3339(account.created_at)},
          {"last_used_at", or_null(account.last_used_at)}};
}

json::object settings_of(const store::ServiceAccount& account) {
  return {{"role", to_text(account.role)}};
}

/// For a write that looks first: members of one organization change one after the other.
Result<store::ServiceAccount> held_account_of(const Call& call, db::Session& db) {
  store::hold(db, call.organization());
  const std::string& name = call.in_path("service_account");
  auto account = store::find_service_account(db, call.organization(), name);
  if (account) return *account;
  return Error{Error::Kind::not_found, "There is no service account " + cupola::quoted(name) + ".",
               "`cupola service-account list` shows those there are."};
}

}  // namespace

Result<http::Reply> list_service_accounts(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::string after = name_cursor(query, list);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto accounts = store::list_service_accounts(db, call.organization(), after, limit + 1);
    json::array items;
    std::string next;
    for (const store::ServiceAccount& account : accounts) {
      if (items.size() == static_cast<std::size_t>(limit)) {
        next = name_cursor_of(list, accounts[items.size() - 1].name);
        break;
      }
      items.emplace_back(to_json(account));
    }
    return list_reply(list, std::move(items), next);
  });
}

Result<http::Reply> create_service_account(const Call& call) {
  Body body(call, {"name", "role"});
  const std::string name = body.text("name", longest_name);
  const auto role = role_in(body, "role", true);
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const Result<store::ServiceAccount> made =
        store::create_service_account(db, call.organization(), name, *role, call.now);
    if (!made) return made.error();
    audit(call, db,
          {.action = "service_account.create", .name = made->name, .after = settings_of(*made)});
    return json_reply(201, to_json(*made));
  });
}

/// PATCH …/{service_account} gives it another role, for its tokens too and at once: 200.
Result<http::Reply> change_service_account(const Call& call) {
  Body body(call, {"role"});
  const auto role = role_in(body, "role", true);
  if (body.fault()) return *body.fault();

  return forgetting(call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
                      Result<store::ServiceAccount> account = held_account_of(call, db);
                      if (!account) return account.error();
                      const json::object before = settings_of(*account);
                      if (auto refused = mismatch(call, etag_of(before)))
                        return *std::move(refused);
                      const auto set =
                          store::set_role(db, call.organization(), account->user, *role);
                      if (!set) return set.error();
                      account->role = *role;
                      audit(call, db,
                            {.action = "service_account.change",
                             .name = account->name,
                             .before = before,
                             .after = settings_of(*account)});
                      return tagged_reply(200, to_json(*account), etag_of(settings_of(*account)));
                    }));
}

Result<http::Reply> delete_service_account(const Call& call) {
  return forgetting(
      call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
        const Result<store::ServiceAccount> account = held_account_of(call, db);
        if (!account) return account.error();
        json::object before = settings_of(*account);
        before["tokens"] = account->tokens;
        store::delete_service_account(db, account->user);
        audit(call, db,
              {.action = "service_account.delete", .name = account->name, .before = before});
        return http::Reply{.status = 204};
      }));
}

}  // namespace cupola::api
