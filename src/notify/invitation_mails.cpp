#include "notify/invitation_mails.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "notify/invitation_letter.h"
#include "notify/retries.h"

namespace cupola::notify {
namespace {

/// More than an attempt can take.
constexpr std::chrono::milliseconds claim_time = 2min;
constexpr std::size_t longest_error = 500;

}  // namespace

void InvitationMails::step(int room) {
  write_down();
  const Instant now = with_.clock.now();
  const bool has_work = room > 0 && with_.database.read([&](db::Session& db) {
    return store::has_invitation_mails(db, now);
  });
  if (!has_work) return;
  const auto claimed = with_.database.write([&](db::Session& db) {
    return store::claim_invitation_mails(db, room, now, now + claim_time);
  });
  for (const auto& mail : claimed) begin(mail);
}

void InvitationMails::write_down() {
  if (ended_.empty()) return;
  with_.database.write([&](db::Session& db) {
    for (const Ended& one : ended_) {
      store::finish_invitation_mail(db, one.mail, one.error, one.again_at, with_.clock.now());
    }
  });
  ended_.clear();
}

void InvitationMails::begin(const store::InvitationMail& mail) {
  const store::Invitation& invitation = mail.invitation;
  try {
    const Secret link = store::link_of(with_.vault, mail);
    const auto letter = invitation_letter({.id = invitation.id,
                                           .organization = mail.organization_name,
                                           .role = std::string(to_text(invitation.role)),
                                           .invited_by = invitation.invited_by,
                                           .link = std::string(link.reveal()),
                                           .expires_at = invitation.expires_at});
    with_.courier.send(
        mail_by(server_, invitation.email,
                mail_text(letter, server_.from, invitation.email, invitation.created_at)),
        [this, mail](const net::Outcome& outcome) { end(mail, outcome); });
  } catch (const Failure& failure) {
    log_error("invitation {}: {}", invitation.id, failure.what());
    end(mail, {.error = failure.what()});
  }
}

void InvitationMails::end(const store::InvitationMail& mail, const net::Outcome& outcome) {
  const store::Invitation& invitation = mail.invitation;
  Ended ended{.mail = mail};
  if (!outcome.error.empty()) {
    const store::Delivery as_delivery{.id = store::DeliveryId("invitation-" + invitation.id),
                                      .tries = invitation.mail.tries - 1};
    ended.error = shortened(outcome.error, longest_error);
    ended.again_at = after_mail(as_delivery, outcome, false, with_.clock.now()).next_at;
    if (!ended.again_at) {
      log_warning("invitation {} could not be mailed: {}", invitation.id, *ended.error);
    }
  }
  ended_.push_back(std::move(ended));
}

}  // namespace cupola::notify
