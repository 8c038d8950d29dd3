// What one agreed to is given: tokens, to the program that waits on one's own computer.

#include <fmt/format.h>

#include "api/audit.h"
#include "api/cloud/browser.h"
#include "api/cloud/handlers.h"
#include "api/cloud/pages.h"
#include "api/to_json.h"
#include "auth/cloud_session.h"
#include "store/members.h"
#include "store/sign_ins.h"
#include "store/tickets.h"
#include "store/tokens.h"

namespace cupola::api::cloud {
namespace {

constexpr const char* token_name = "meltano-cloud";

std::vector<store::Organization> organizations_of(db::Session& db, const UserKey& user) {
  std::vector<store::Organization> all;
  for (const store::Belonging& belonging : store::organizations_of(db, user)) {
    if (all.size() == auth::most_organizations) break;
    if (auto one = store::find_organization(db, belonging.organization)) {
      all.push_back(*std::move(one));
    }
  }
  return all;
}

/// One row for each organization, by the member that signed in.
void audit_tokens(const Call& call, db::Session& db, const auth::CloudSession& session,
                  Instant expires_at) {
  for (const std::string& hash : session.token_hashes) {
    const auto member = store::find_member_by_token(db, hash, call.now);
    if (!member) throw Failure("A token that was just made is not there.");
    audit_as(*member, call, db,
             {.action = "token.create",
              .name = token_name,
              .id = member->token_id,
              .after = json::object{{"holder", json_text(member->login)},
                                    {"role", nullptr},
                                    {"expires_at", to_rfc3339(expires_at)}}});
  }
}

Result<auth::CloudSession> open_session(const Call& call, db::Session& db, const Form& form,
                                        const std::string& browser) {
  const Error void_form{Error::Kind::forbidden, "This was answered already."};
  if (!store::use_ticket(db, form.id, form.expires_at, call.now)) return void_form;
  const auto user = store::find_user(db, form.login);
  if (!user) return void_form;
  auto organizations = organizations_of(db, user->key);
  if (organizations.empty()) return void_form;
  store::forget_ended_sign_ins(db, user->key, call.now);
  const Instant expires_at = call.now + sign_in_life;
  auto session = auth::open_cloud_session(db, call.context.vault,
                                          {.user = user->key,
                                           .login = user->login,
                                           .name = token_name,
                                           .organizations = std::move(organizations),
                                           .role = {},
                                           .browser = browser_hash(browser),
                                           .expires_at = expires_at},
                                          call.now);
  if (session) audit_tokens(call, db, *session, expires_at);
  return session;
}

}  // namespace

/// POST with the answer "allow" leads the browser to the program that waits, with the tokens behind
/// the # (RFC 6749, section 4.2): no server on the way sees them.
Result<http::Reply> consent(const Call& call) {
  const Result<Posted> posted = posted_form(call, auth::Purpose::consent_form);
  if (!posted) {
    return message_page(403, "This sign-in cannot go on", posted.error().message,
                        posted.error().hint);
  }
  if (posted->text("answer") != "allow") {
    return message_page(200, "Nothing was given",
                        "meltano-cloud still waits: end it with Ctrl-C. You may close this page.");
  }
  std::string browser = browser_of(call);
  if (browser.empty()) browser = random_hex(32);
  const Result<auth::CloudSession> session = call.context.database.write(
      [&](db::Session& db) { return open_session(call, db, posted->form, browser); });
  if (!session) {
    return message_page(403, "This sign-in cannot go on", session.error().message,
                        "Begin anew: meltano-cloud login.");
  }
  http::Reply reply{.status = 303, .content_type = "text/plain"};
  reply.headers.emplace_back(
      "Location", fmt::format("http://localhost:{}/#id_token={}&access_token={}", posted->form.port,
                              session->id_token.reveal(), session->access_token.reveal()));
  keep_browser(call, reply, browser);
  return reply;
}

}  // namespace cupola::api::cloud
