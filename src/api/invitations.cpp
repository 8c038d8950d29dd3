#include "store/invitations.h"

#include "api/audit.h"
#include "api/cursor.h"
#include "api/handlers.h"
#include "api/invitation_json.h"
#include "api/people.h"
#include "api/to_json.h"
#include "auth/token.h"
#include "base/text.h"
#include "store/invitation_mails.h"

namespace cupola::api {
namespace {

constexpr std::string_view list = "invitations";
constexpr std::size_t longest_email = 254;
constexpr std::chrono::milliseconds usual_life = 7 * 24h;
constexpr std::chrono::milliseconds shortest_life = 1min;
constexpr std::chrono::milliseconds longest_life = 90 * 24h;

}  // namespace

json::object to_json(const store::Invitation& invitation, Instant now) {
  return {
      {"id", invitation.id},
      {"role", to_text(invitation.role)},
      {"email", invitation.email.empty() ? json::value() : json::value(invitation.email)},
      {"status", to_text(invitation.status(now))},
      {"invited_by", json_text(invitation.invited_by)},
      {"created_at", to_rfc3339(invitation.created_at)},
      {"expires_at", to_rfc3339(invitation.expires_at)},
      {"accepted_at", or_null(invitation.accepted_at)},
      {"accepted_by", or_null(invitation.accepted_by)},
      {"mailed_at", or_null(invitation.mailed_at)},
      {"mail", invitation.mail.status ? json::value({{"status", *invitation.mail.status},
                                                     {"tries", invitation.mail.tries},
                                                     {"error", or_null(invitation.mail.error)},
                                                     {"next_at", or_null(invitation.mail.next_at)}})
                                      : json::value()}};
}

json::object settings_of(const store::Invitation& invitation) {
  return {{"role", to_text(invitation.role)},
          {"email", invitation.email},
          {"expires_at", to_rfc3339(invitation.expires_at)}};
}

Error not_open(const store::Invitation& invitation, Instant now) {
  std::string message;
  switch (invitation.status(now)) {
    case store::InvitationStatus::accepted:
      message = "This invitation was used already: it is good for one person, once.";
      break;
    case store::InvitationStatus::revoked:
      message = "This invitation was revoked.";
      break;
    default:
      message = "This invitation expired at " + to_rfc3339(invitation.expires_at) + ".";
  }
  return {Error::Kind::conflict, message, "Ask an owner of the organization for a new one."};
}

Result<http::Reply> list_invitations(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const auto after = time_cursor(query, list);
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const auto all = store::list_invitations(db, call.organization(), after, limit + 1);
    json::array items;
    std::string next;
    for (const store::Invitation& invitation : all) {
      if (items.size() == static_cast<std::size_t>(limit)) {
        const store::Invitation& last = all[items.size() - 1];
        next = time_cursor_of(list, last.created_at, last.id);
        break;
      }
      items.emplace_back(to_json(invitation, call.now));
    }
    return list_reply(list, std::move(items), next);
  });
}

/// POST gives 201 with the token and the link that holds it, once. Where it has an e-mail address
/// and the server a mail server, the link is mailed by the notifier from then on.
Result<http::Reply> create_invitation(const Call& call) {
  Body body(call, {"role", "email", "expires_in"});
  const auto role = role_in(body, "role", true);
  const std::string email = body.optional_text("email", longest_email);
  const auto life = body.span("expires_in", shortest_life, longest_life).value_or(usual_life);
  if (body.fault()) return *body.fault();

  const Secret token = auth::new_invitation_token();
  const auto link_with = [&](std::string_view given) {
    return call.context.hooks.public_url() + "/invitations/" + std::string(given);
  };
  Result<http::Reply> reply = write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    Result<store::Invitation> made =
        store::create_invitation(db,
                                 {.organization = call.organization(),
                                  .hash = auth::token_hash(token.reveal()),
                                  .role = *role,
                                  .email = email,
                                  .invited_by = call.member.login,
                                  .expires_at = call.now + life},
                                 call.now);
    if (!made) return made.error();
    if (!email.empty() && call.context.hooks.has_mail_server) {
      store::queue_invitation_mail(db, call.context.vault, *made, Secret(link_with(token.reveal())),
                                   call.now);
    }
    audit(call, db,
          {.action = "invitation.create",
           .name = made->email.empty() ? made->id : made->email,
           .id = made->id,
           .after = settings_of(*made)});
    return json_reply(201, to_json(*made, call.now));
  });
  if (reply) call.context.hooks.wake_notifier();
  reply = with_token(std::move(reply), token.reveal());
  if (!reply || reply->status >= 400) return reply;
  json::object shown = parse_json(reply->body)->as_object();
  const std::string given = text_at(shown, "token");
  shown["link"] = given.empty() ? json::value() : json::value(link_with(given));
  reply->body = json::serialize(shown);
  return reply;
}

Result<http::Reply> revoke_invitation(const Call& call) {
  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    const std::string& id = call.in_path("invitation");
    const auto invitation = store::find_invitation(db, call.organization(), id);
    if (!invitation) {
      return Error{Error::Kind::not_found, "There is no invitation " + cupola::quoted(id) + ".",
                   "`cupola invitation list` shows those there are."};
    }
    if (!store::revoke_invitation(db, invitation->id, call.now)) {
      return not_open(*store::find_invitation(db, call.organization(), id), call.now);
    }
    audit(call, db,
          {.action = "invitation.revoke",
           .name = invitation->email.empty() ? invitation->id : invitation->email,
           .id = invitation->id,
           .before = settings_of(*invitation)});
    return http::Reply{.status = 204};
  });
}

}  // namespace cupola::api
