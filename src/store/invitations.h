#pragma once

/// Invitations: who has the link may join an organization, once.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/members.h"
#include "store/organizations.h"

namespace cupola::store {

enum class InvitationStatus { open, accepted, revoked, expired };
std::string_view to_text(InvitationStatus status);

/// The mail that brings the link (store/invitation_mails.h).
struct InvitationMailState {
  std::optional<std::string> status;  ///< waiting, delivered, failed, dropped; none: no mail
  int tries = 0;
  std::optional<std::string> error;  ///< of the last try
  std::optional<Instant> next_at;    ///< of the next
};

struct Invitation {
  std::string id;  ///< 16 hex digits
  OrganizationKey organization;
  Role role = Role::viewer;
  std::string email;  ///< of whom it was sent to; may be empty
  std::string invited_by;
  Instant created_at;
  Instant expires_at;
  std::optional<Instant> accepted_at;
  std::optional<std::string> accepted_by;
  std::optional<Instant> revoked_at;
  std::optional<Instant> mailed_at;  ///< when the mail server took it
  InvitationMailState mail;

  InvitationStatus status(Instant now) const;
};

struct NewInvitation {
  OrganizationKey organization;
  std::string hash;  ///< SHA-256 of the token in the link, in hex
  Role role = Role::viewer;
  std::string email;
  std::string invited_by;
  Instant expires_at;
};
/// Errors: invalid (the e-mail address).
Result<Invitation> create_invitation(db::Session& db, const NewInvitation& made, Instant now);

/// Newest first, after the one with that time and id.
std::vector<Invitation> list_invitations(
    db::Session& db, const OrganizationKey& organization,
    const std::optional<std::pair<Instant, std::string>>& after, int limit);
std::optional<Invitation> find_invitation(db::Session& db, const OrganizationKey& organization,
                                          std::string_view id);
std::optional<Invitation> find_invitation_by_token(db::Session& db, std::string_view hash);

/// False, and nothing changed, unless it is open at `now`.
bool revoke_invitation(db::Session& db, std::string_view id, Instant now);

/// Who joins: an account whose password was given, or a new one.
struct Guest {
  std::string login;
  std::optional<Account> account;            ///< as it was when its password was checked
  std::optional<std::string> password_hash;  ///< of the new one
};
/// Uses the invitation up and makes a member of the guest. Errors, and nothing is changed then:
/// invalid (the login), conflict (it is no longer open, the login was taken or the account changed
/// meanwhile, it is a member already).
Result<User> join_by_invitation(db::Session& db, const Invitation& invitation, const Guest& guest,
                                Instant now);

}  // namespace cupola::store
