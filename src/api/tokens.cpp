#include "store/tokens.h"

#include <algorithm>

#include "api/audit.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/lookup.h"
#include "api/people.h"
#include "api/to_json.h"
#include "auth/token.h"
#include "base/text.h"
#include "store/members.h"
#include "store/names.h"
#include "store/service_accounts.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "tokens";
constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_login = 255;
constexpr std::chrono::milliseconds shortest_life = 1min;
constexpr std::chrono::milliseconds longest_life = 3650 * 24h;

bool is_owner(const Call& call) {
  return call.member.role == store::Role::owner;
}

Error owners_alone(const char* what) {
  return {Error::Kind::forbidden, std::string("To ") + what + " needs the role owner.",
          "An owner of the organization can do it."};
}

std::string_view status_of(const store::ListedToken& token, Instant now) {
  if (token.is_void) return "void";
  return token.expires_at && *token.expires_at <= now ? "expired" : "active";
}

json::object settings_of(const store::ListedToken& token) {
  return {{"holder", json_text(token.holder)},
          {"role", token.role ? json::value(to_text(*token.role)) : json::value()},
          {"project", or_null(token.project)},
          {"deployment", or_null(token.deployment)},
          {"expires_at", or_null(token.expires_at)}};
}

json::object to_json(const Call& call, const store::ListedToken& token) {
  json::object object{{"id", token.id}, {"name", json_text(token.name)}};
  for (const auto& member : settings_of(token)) object[member.key()] = member.value();
  object["holder_kind"] = token.is_service ? "service_account" : "user";
  object["status"] = status_of(token, call.now);
  object["created_at"] = to_rfc3339(token.created_at);
  // What this server has seen is not written down for up to a minute.
  const auto seen = call.context.authenticator.last_use(token.key);
  object["last_used_at"] = or_null(std::max(token.last_used_at, seen));
  return object;
}

/// Whose tokens are listed.
Result<std::optional<UserKey>> holder_asked(const Call& call, db::Session& db) {
  const std::string* login = call.request.query_value("login");
  const std::string* service = call.request.query_value("service_account");
  if (login == nullptr && service == nullptr) {
    return is_owner(call) ? std::optional<UserKey>() : std::optional(call.member.user);
  }
  if (!is_owner(call)) return owners_alone("see other people's tokens");
  if (service != nullptr) {
    const auto account = store::find_service_account(db, call.organization(), *service);
    if (account) return std::optional(account->user);
    return Error{Error::Kind::not_found,
                 "There is no service account " + cupola::quoted(*service) + "."};
  }
  const auto member = store::find_member(db, call.organization(), *login);
  if (member) return std::optional(member->user);
  return Error{Error::Kind::not_found, "There is no member " + cupola::quoted(*login) + " here."};
}

/// What was asked for, read from the body.
struct Wish {
  std::string name;
  std::optional<store::Role> role;
  std::string project;
  std::string deployment;
  std::string service_account;
  std::optional<std::chrono::milliseconds> life;
};

Result<Wish> wish_of(const Call& call) {
  Body body(call, {"name", "role", "project", "deployment", "service_account", "expires_in"});
  Wish wish{.name = body.text("name", longest_name),
            .role = role_in(body, "role", false),
            .project = body.optional_text("project", longest_name),
            .deployment = body.optional_text("deployment", longest_name),
            .service_account = body.optional_text("service_account", longest_name),
            .life = body.span("expires_in", shortest_life, longest_life)};
  if (!wish.deployment.empty() && wish.project.empty()) {
    body.refuse("A \"deployment\" needs its \"project\" beside it.");
  }
  if (body.fault()) return *body.fault();
  if (const auto checked = store::check_name("a token", wish.name); !checked)
    return checked.error();
  return wish;
}

// A token makes none that may more, or lives longer, than itself: who finds a weak one must not get
// a strong one for it.
Result<store::NewToken> bounded(const Call& call, const Wish& wish, store::NewToken token) {
  const store::Member& maker = call.member;
  if (token.user == maker.user) {
    if (!token.role && !maker.has_whole_role) token.role = maker.role;
    if (token.role && *token.role > maker.role) {
      return Error{Error::Kind::invalid, "The role " + std::string(to_text(*token.role)) +
                                             " is more than yours, " +
                                             std::string(to_text(maker.role)) + "."};
    }
  }
  if (wish.life) token.expires_at = call.now + *wish.life;
  if (maker.token_expires) {
    if (token.expires_at && *token.expires_at > *maker.token_expires) {
      return Error{Error::Kind::invalid,
                   "The token you use expires at " + to_rfc3339(*maker.token_expires) +
                       "; it makes none that lives longer.",
                   "Give a shorter \"expires_in\", or none."};
    }
    if (!token.expires_at) token.expires_at = maker.token_expires;
  }
  return token;
}

Result<store::NewToken> resolved(const Call& call, db::Session& db, const Wish& wish) {
  store::NewToken token{.organization = call.organization(),
                        .user = call.member.user,
                        .name = wish.name,
                        .role = wish.role};
  if (!wish.service_account.empty()) {
    if (!is_owner(call)) return owners_alone("create a service account's token");
    const auto account = store::find_service_account(db, call.organization(), wish.service_account);
    if (!account) {
      return Error{Error::Kind::not_found,
                   "There is no service account " + cupola::quoted(wish.service_account) + "."};
    }
    token.user = account->user;
  }
  if (!wish.project.empty()) {
    const auto project = store::find_project(db, call.organization(), wish.project);
    if (!project) {
      return Error{Error::Kind::not_found,
                   "There is no project " + cupola::quoted(wish.project) + " here.",
                   "`cupola project list` shows those there are."};
    }
    token.reach.project = project->key;
    if (!wish.deployment.empty()) {
      const auto deployment = deployment_of(call, db, *project, wish.deployment);
      if (!deployment) return deployment.error();
      token.reach.deployment = deployment->key;
    }
  }
  return bounded(call, wish, std::move(token));
}

}  // namespace

Result<http::Reply> list_tokens(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  store::TokenFilter filter{.after = time_cursor(query, list)};
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<std::optional<UserKey>> holder = holder_asked(call, db);
    if (!holder) return holder.error();
    filter.user = *holder;
    const auto tokens = store::list_tokens(db, call.organization(), filter, limit + 1);
    json::array items;
    std::string next;
    for (const store::ListedToken& token : tokens) {
      if (items.size() == static_cast<std::size_t>(limit)) {
        const store::ListedToken& last = tokens[items.size() - 1];
        next = time_cursor_of(list, last.created_at, last.id);
        break;
      }
      items.emplace_back(to_json(call, token));
    }
    return list_reply(list, std::move(items), next);
  });
}

/// POST gives 201 with the token, once; only its hash is kept.
Result<http::Reply> create_token(const Call& call) {
  const Result<Wish> wish = wish_of(call);
  if (!wish) return wish.error();

  const Secret token = auth::new_token();
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    Result<store::NewToken> made = resolved(call, db, *wish);
    if (!made) return made.error();
    made->hash = auth::token_hash(token.reveal());
    const Result<TokenKey> key = store::create_token(db, *made, call.now);
    if (!key) return key.error();
    const auto listed = store::find_token(db, call.organization(), store::token_id(made->hash));
    if (!listed) throw Failure("A token that was just made is not there.");
    audit(call, db,
          {.action = "token.create",
           .name = listed->name,
           .id = listed->id,
           .after = settings_of(*listed)});
    return json_reply(201, to_json(call, *listed));
  });
  return with_token(std::move(reply), token.reveal());
}

Result<http::Reply> revoke_token(const Call& call) {
  return forgetting(call, write_once(call, [&](db::Session& db) -> Result<http::Reply> {
                      const std::string& id = call.in_path("token");
                      const auto token = store::find_token(db, call.organization(), id);
                      const bool is_own = token && token->user == call.member.user;
                      if (!token || (!is_own && !is_owner(call)) ||
                          !store::revoke_token(db, call.organization(), token->key, call.now)) {
                        return Error{Error::Kind::not_found,
                                     "There is no token " + cupola::quoted(id) + ".",
                                     "`cupola token list` shows those there are."};
                      }
                      audit(call, db,
                            {.action = "token.revoke",
                             .name = token->name,
                             .id = token->id,
                             .before = settings_of(*token)});
                      return http::Reply{.status = 204};
                    }));
}

}  // namespace cupola::api
