#pragma once

/// Links of invitations on their way to a mail server. The invitation's row is the queue of its one
/// mail; the link lies there sealed, from the invitation's transaction until the mail was taken,
/// was given up, or the invitation is no longer open.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/invitations.h"
#include "store/vault.h"

namespace cupola::store {

/// In the transaction that made the invitation, which tells of it from then on.
void queue_invitation_mail(db::Session& db, const Vault& vault, Invitation& invitation,
                           const Secret& link, Instant now);

struct InvitationMail {
  Invitation invitation;
  std::string organization_name;
  std::string sealed_link;
};
/// Those that are due, oldest first; each is this caller's until `ends`, and due again then unless
/// `finish_invitation_mail` says otherwise. The try is counted.
std::vector<InvitationMail> claim_invitation_mails(db::Session& db, int most, Instant now,
                                                   Instant ends);
/// Throws Failure when it does not open.
Secret link_of(const Vault& vault, const InvitationMail& mail);
/// Whether one is due.
bool has_invitation_mails(db::Session& db, Instant now);

/// What came of the try: no error, then it was taken; else when it is tried again, or never.
/// Nothing is written for a try that another one followed, or when the mail was dropped meanwhile.
void finish_invitation_mail(db::Session& db, const InvitationMail& mail,
                            const std::optional<std::string>& error,
                            const std::optional<Instant>& again_at, Instant now);

/// Whoever accepted, revoked or missed the date needs no mail.
void drop_invitation_mail(db::Session& db, std::string_view invitation);

}  // namespace cupola::store
