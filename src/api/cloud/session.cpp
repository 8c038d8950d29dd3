// Whether a sign-in holds, and its end.

#include <fmt/format.h>

#include "api/audit.h"
#include "api/cloud/access.h"
#include "api/cloud/browser.h"
#include "api/cloud/handlers.h"
#include "api/cloud/pages.h"
#include "api/input.h"
#include "auth/cloud_session.h"
#include "auth/token.h"
#include "base/text.h"
#include "store/projects.h"
#include "store/tokens.h"

namespace cupola::api::cloud {
namespace {

/// Whether all that the sign-in was for is still what it was called then: where an id was rotated,
/// or a membership taken, the CLI is to sign in anew. A project that was deleted is no reason.
bool holds(const Call& call, db::Session& db, const auth::CloudClaims& claims) {
  for (const auto& [organization_id, project_id] : claims.places) {
    const auto organization = store::find_organization_by_id(db, organization_id);
    if (!organization) return false;
    const std::string hash = auth::cloud_token_hash(claims.session, organization->key);
    if (!store::find_member_by_token(db, hash, call.now)) return false;
    if (project_id == auth::no_project) continue;
    const auto project = store::find_project_ever(db, organization->key, project_id);
    if (!project || project->id != project_id) return false;
  }
  return true;
}

/// Revokes all that was given in the browser; each by its holder.
void revoke_all(const Call& call, db::Session& db, const std::string& browser) {
  for (const std::string& hash : store::list_tokens_of_browser(db, browser_hash(browser))) {
    const auto member = store::find_member_by_token(db, hash, call.now);
    if (!member || !store::revoke_token(db, member->organization, member->token, call.now))
      continue;
    audit_as(*member, call, db,
             {.action = "token.revoke",
              .name = member->token_name,
              .id = member->token_id,
              .before = json::object{{"holder", json_text(member->login)}}});
  }
}

/// Whose access token, or token of the API, it is, as long as it holds.
std::optional<std::string> login_of(const Call& call, std::string_view token) {
  if (auth::is_token(token)) {
    const auto member = call.context.authenticator.find(auth::token_hash(token), call.now);
    return member ? std::optional(member->login) : std::nullopt;
  }
  const auto claims = auth::read_access_token(call.context.vault, token, call.now);
  const bool is_good = claims && call.context.database.read(
                                     [&](db::Session& db) { return holds(call, db, *claims); });
  return is_good ? std::optional(claims->login) : std::nullopt;
}

}  // namespace

/// GET with the access token gives who signed in, or 401 where the sign-in does not hold any more.
Result<http::Reply> show_user(const Call& call) {
  const auto login = login_of(call, bearer_of(call.request));
  if (!login) return Error{Error::Kind::unauthorized, "Nobody is signed in by this token."};
  return json_reply(200, {{"sub", json_text(*login)}, {"preferred_username", json_text(*login)}});
}

/// GET ends what was given in this browser, and goes to http://localhost:PORT/logout.
Result<http::Reply> sign_out(const Call& call) {
  Query query(call);
  const auto port = callback_port(query.text("logout_uri"), "/logout");
  if (!port) {
    return message_page(400, "Nobody was signed out",
                        "The logout_uri is not http://localhost:PORT/logout.",
                        "Start it from the command line: meltano-cloud logout.");
  }
  if (const std::string browser = browser_of(call); !browser.empty()) {
    call.context.database.write([&](db::Session& db) { revoke_all(call, db, browser); });
    call.context.authenticator.forget();
  }
  http::Reply reply{.status = 303, .content_type = "text/plain"};
  reply.headers.emplace_back("Location", fmt::format("http://localhost:{}/logout", *port));
  forget_browser(call, reply);
  return reply;
}

}  // namespace cupola::api::cloud
