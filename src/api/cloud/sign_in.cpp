// The page that asks for a password, and what it leads to: the question what may be given.

#include <algorithm>

#include "api/cloud/browser.h"
#include "api/cloud/handlers.h"
#include "api/cloud/pages.h"
#include "api/input.h"
#include "auth/cloud_session.h"
#include "auth/guesses.h"
#include "auth/password.h"
#include "base/text.h"
#include "store/members.h"

namespace cupola::api::cloud {
namespace {

constexpr std::size_t longest_login = 255;
constexpr std::size_t longest_client = 200;

http::Reply cannot(std::string_view message) {
  return message_page(400, "This sign-in cannot go on", message,
                      "Start it from the command line: meltano-cloud login.");
}

http::Reply asking(const Call& call, int status, int port, std::string_view login,
                   std::string_view fault) {
  std::string cookie;
  const std::string form = form_of(call, auth::Purpose::sign_in_form,
                                   {.port = port, .login = {}, .id = {}, .expires_at = {}}, cookie);
  http::Reply reply = sign_in_page(status, form, login, fault);
  reply.headers.emplace_back("Set-Cookie", cookie);
  return reply;
}

/// As long for a login that there is not, so that nobody learns which there are.
bool is_right(const std::optional<store::Account>& account, const Secret& password) {
  static const std::string nobodys = auth::hash_password(Secret(random_hex(16))).value();
  const bool is_there = account && account->password_hash;
  const bool fits = auth::is_password(is_there ? *account->password_hash : nobodys, password);
  return is_there && fits;
}

http::Reply asked_for_consent(const Call& call, int port, const std::string& login,
                              std::vector<store::Belonging> organizations) {
  std::string cookie;
  const std::string form =
      form_of(call, auth::Purpose::consent_form,
              {.port = port, .login = login, .id = {}, .expires_at = {}}, cookie);
  http::Reply reply = consent_page(form, {.login = login,
                                          .organizations = std::move(organizations),
                                          .port = port,
                                          .until = call.now + sign_in_life});
  reply.headers.emplace_back("Set-Cookie", cookie);
  return reply;
}

http::Reply answer(const Call& call, int port, const std::string& login, const Secret& password) {
  struct Seen {
    std::optional<store::Account> account;
    std::vector<store::Belonging> organizations;
  };
  const Seen seen = call.context.database.read([&](db::Session& db) {
    Seen found{.account = store::find_account(db, login), .organizations = {}};
    if (found.account) found.organizations = store::organizations_of(db, found.account->user);
    return found;
  });
  if (!is_right(seen.account, password)) {
    return asking(call, 403, port, login, "This login and password do not belong together.");
  }
  call.guesses.succeeded(login, call.request.peer);
  if (seen.organizations.empty()) {
    return message_page(403, "Nothing to sign in to", "You are a member of no organization.",
                        "Ask an owner for an invitation.");
  }
  const std::size_t shown = std::min(seen.organizations.size(), auth::most_organizations);
  return asked_for_consent(call, port, login,
                           {seen.organizations.begin(),
                            seen.organizations.begin() + static_cast<std::ptrdiff_t>(shown)});
}

}  // namespace

/// GET shows the page, for a program that waits at http://localhost:PORT and nowhere else.
Result<http::Reply> show_sign_in(const Call& call) {
  Query query(call);
  const auto port = callback_port(query.text("redirect_uri"));
  if (!port) {
    return cannot(
        "A sign-in leads to http://localhost:PORT on one's own computer, and nowhere else.");
  }
  if (query.text("response_type") != "token") return cannot("Only response_type=token is known.");
  if (query.text("client_id").size() > longest_client) return cannot("The client_id is none.");
  return asking(call, 200, *port, "", "");
}

/// POST with login and password shows what will be given to whom, for one to agree to.
Result<http::Reply> sign_in(const Call& call) {
  const Result<Posted> posted = posted_form(call, auth::Purpose::sign_in_form);
  if (!posted) {
    return message_page(403, "This sign-in cannot go on", posted.error().message,
                        posted.error().hint);
  }
  const int port = posted->form.port;
  std::string login = posted->text("login");
  if (login.size() > longest_login) login.clear();  // nobody's
  if (const auto wait = call.guesses.too_many(login, call.request.peer, call.now)) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait);
    http::Reply reply =
        asking(call, 429, port, login,
               "This login, or your address, was tried too often. Wait " + to_text(seconds) + ".");
    reply.headers.emplace_back("Retry-After", std::to_string(seconds.count()));
    return reply;
  }
  http::Reply reply;
  reply.slow = [call, port, login, password = Secret(posted->text("password"))] {
    return answer(call, port, login, password);
  };
  return reply;
}

}  // namespace cupola::api::cloud
