#include "store/service_accounts.h"

#include "api/audit.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/people.h"
#include "api/to_json.h"
#include "base/text.h"

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
          {.action = "service_account.create",
           .name = made->name,
           .after = json::object{{"role", to_text(made->role)}}});
    return json_reply(201, to_json(*made));
  });
}

Result<http::Reply> delete_service_account(const Call& call) {
  return forgetting(call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
                      const std::string& name = call.in_path("service_account");
                      const auto account =
                          store::find_service_account(db, call.organization(), name);
                      if (!account) {
                        return Error{Error::Kind::not_found,
                                     "There is no service account " + cupola::quoted(name) + ".",
                                     "`cupola service-account list` shows those there are."};
                      }
                      store::delete_service_account(db, account->user);
                      audit(call, db,
                            {.action = "service_account.delete",
                             .name = account->name,
                             .before = json::object{{"role", to_text(account->role)},
                                                    {"tokens", account->tokens}}});
                      return http::Reply{.status = 204};
                    }));
}

}  // namespace cupola::api
