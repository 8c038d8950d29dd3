#include <fmt/format.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/invitation_json.h"
#include "auth/guesses.h"
#include "auth/password.h"
#include "auth/token.h"
#include "base/text.h"
#include "store/invitations.h"
#include "store/members.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_token = 200;
constexpr std::size_t longest_login = 255;
constexpr std::size_t longest_password = 1024;

Result<store::Invitation> open_invitation(db::Session& db, std::string_view token, Instant now) {
  const auto invitation = auth::is_invitation_token(token)
                              ? store::find_invitation_by_token(db, auth::token_hash(token))
                              : std::nullopt;
  if (!invitation) {
    return Error{Error::Kind::not_found, "There is no such invitation.",
                 "Check that the link is whole, or ask an owner for a new one."};
  }
  if (invitation->status(now) != store::InvitationStatus::open) return not_open(*invitation, now);
  return *invitation;
}

http::Reply too_many_guesses(std::chrono::milliseconds wait) {
  http::Reply reply = http::problem_with(
      429, "Too many tries",
      {.message = "This login, or your address, was tried too often.",
       .hint = "Wait " + to_text(std::chrono::ceil<std::chrono::seconds>(wait)) + "."});
  reply.headers.emplace_back("Retry-After",
                             std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
  return reply;
}

Error no_match() {
  return {Error::Kind::unauthorized, "There is an account of this login, with another password.",
          "Give its password, or choose another login."};
}

/// What who accepts has sent.
struct Wish {
  std::string token;
  std::string login;
  Secret password;
};

/// The hash of a new account's password; none for one that is there and gave its own.
struct Proof {
  std::optional<store::Account> account;
  std::optional<std::string> new_hash;
};

// Takes a tenth of a second and 64 MiB, so no transaction is open meanwhile.
Result<Proof> prove(const Call& call, const Wish& wish) {
  struct Seen {
    std::optional<store::Account> account;
  };
  const Result<Seen> seen = call.context.database.read([&](db::Session& db) -> Result<Seen> {
    const auto invitation = open_invitation(db, wish.token, call.now);
    if (!invitation) return invitation.error();
    return Seen{store::find_account(db, wish.login)};
  });
  if (!seen) return seen.error();
  if (!seen->account) {
    auto hash = auth::hash_password(wish.password);
    if (!hash) return hash.error();
    call.guesses.succeeded(wish.login, call.request.peer);
    return Proof{std::nullopt, *std::move(hash)};
  }
  const auto& kept = seen->account->password_hash;
  if (!kept || !auth::is_password(*kept, wish.password)) return no_match();
  call.guesses.succeeded(wish.login, call.request.peer);
  return Proof{seen->account, std::nullopt};
}

Result<http::Reply> join(const Call& call, const Wish& wish, const Proof& proof,
                         const Secret& token, db::Session& db) {
  const auto invitation = open_invitation(db, wish.token, call.now);
  if (!invitation) return invitation.error();
  const Result<store::User> user = store::join_by_invitation(
      db, *invitation,
      {.login = wish.login, .account = proof.account, .password_hash = proof.new_hash}, call.now);
  if (!user) return user.error();
  const std::string hash = auth::token_hash(token.reveal());
  const auto made = store::create_token(db,
                                        {.organization = invitation->organization,
                                         .user = user->key,
                                         .name = "invitation",
                                         .hash = hash},
                                        call.now);
  if (!made) throw Failure("Who just joined an organization is no member: " + wish.login);
  const auto member = store::find_member_by_token(db, hash, call.now);
  if (!member) throw Failure("A token that was just made is not there.");

  audit_as(*member, call, db,
           {.action = "invitation.accept",
            .name = wish.login,
            .id = invitation->id,
            .after = json::object{{"login", json_text(wish.login)},
                                  {"role", to_text(member->role)},
                                  {"invited_by", json_text(invitation->invited_by)}}});
  return json_reply(201, {{"login", json_text(member->login)},
                          {"role", to_text(member->role)},
                          {"organization",
                           {{"id", member->organization_id}, {"name", member->organization_name}}},
                          {"token", token.reveal()}});
}

}  // namespace

/// GET /invitations/{link} gives what one is invited to, and how to accept.
Result<http::Reply> show_open_invitation(const Call& call) {
  const std::string& token = call.in_path("link");
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto invitation = open_invitation(db, token, call.now);
    if (!invitation) return invitation.error();
    const auto organization = store::find_organization(db, invitation->organization);
    if (!organization) throw Failure("An invitation names an organization that is not there.");
    return json_reply(
        200, {{"organization", organization->name},
              {"role", to_text(invitation->role)},
              {"expires_at", to_rfc3339(invitation->expires_at)},
              {"hint", fmt::format("Accept with: cupola invitation accept {}/invitations/… --login "
                                   "NAME (the whole link)",
                                   call.context.hooks.public_url())}});
  });
}

/// POST makes a member of who has the token, once: 201 with an API token. A new login gets the
/// password; one that is there has to give its own.
Result<http::Reply> accept_invitation(const Call& call) {
  Body body(call, {"token", "login", "password"});
  const Wish wish{.token = body.text("token", longest_token),
                  .login = body.text("login", longest_login),
                  .password = Secret(body.text("password", longest_password))};
  if (body.fault()) return *body.fault();
  if (const auto wait = call.guesses.too_many(wish.login, call.request.peer, call.now)) {
    return too_many_guesses(*wait);
  }
  http::Reply reply;
  reply.slow = [call, wish] {
    const Result<Proof> proof = prove(call, wish);
    if (!proof) return http::problem(proof.error());
    const Secret token = auth::new_token();
    Result<http::Reply> joined = call.context.database.write(
        [&](db::Session& db) { return join(call, wish, *proof, token, db); });
    return joined ? *std::move(joined) : http::problem(joined.error());
  };
  return reply;
}

}  // namespace cupola::api
