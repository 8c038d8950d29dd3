#include "store/invitations.h"

#include "store/columns.h"
#include "store/invitation_mails.h"
#include "store/invitation_rows.h"
#include "store/names.h"

namespace cupola::store {
namespace {

constexpr Words<InvitationStatus, 4> status_words = {{{InvitationStatus::open, "open"},
                                                      {InvitationStatus::accepted, "accepted"},
                                                      {InvitationStatus::revoked, "revoked"},
                                                      {InvitationStatus::expired, "expired"}}};

#define INVITATIONS "SELECT " INVITATION_COLUMNS " FROM invitations i"

}  // namespace

Invitation to_invitation(const db::Row& row) {
  const auto role = parse_role(row.get<std::string>(2));
  if (!role) throw Failure("The database holds an invitation without a known role.");
  return {.id = row.get<std::string>(0),
          .organization = row.get<OrganizationKey>(1),
          .role = *role,
          .email = row.get<std::string>(3),
          .invited_by = row.get<std::string>(4),
          .created_at = row.get<Instant>(5),
          .expires_at = row.get<Instant>(6),
          .accepted_at = row.get<std::optional<Instant>>(7),
          .accepted_by = row.get<std::optional<std::string>>(8),
          .revoked_at = row.get<std::optional<Instant>>(9),
          .mailed_at = row.get<std::optional<Instant>>(10),
          .mail = {.status = row.get<std::optional<std::string>>(11),
                   .tries = row.get<int>(12),
                   .error = row.get<std::optional<std::string>>(13),
                   .next_at = row.get<std::optional<Instant>>(14)}};
}

std::string_view to_text(InvitationStatus status) {
  return word_for(status_words, status);
}

InvitationStatus Invitation::status(Instant now) const {
  if (accepted_at) return InvitationStatus::accepted;
  if (revoked_at) return InvitationStatus::revoked;
  return now >= expires_at ? InvitationStatus::expired : InvitationStatus::open;
}

Result<Invitation> create_invitation(db::Session& db, const NewInvitation& made, Instant now) {
  if (!made.email.empty()) {
    if (const auto checked = check_email(made.email); !checked) return checked.error();
  }
  const Invitation invitation{.id = random_hex(8),
                              .organization = made.organization,
                              .role = made.role,
                              .email = made.email,
                              .invited_by = made.invited_by,
                              .created_at = now,
                              .expires_at = made.expires_at};
  db.execute(R"sql(
      INSERT INTO invitations (id, organization_key, hash, role, email, invited_by, created_at,
                               expires_at)
      VALUES (:id, :organization, :hash, :role, :email, :invited_by, :now, :expires_at))sql",
             {{"id", invitation.id},
              {"organization", made.organization},
              {"hash", made.hash},
              {"role", to_text(made.role)},
              {"email", made.email.empty() ? std::nullopt : std::optional(made.email)},
              {"invited_by", made.invited_by},
              {"now", now},
              {"expires_at", made.expires_at}});
  return invitation;
}

std::vector<Invitation> list_invitations(
    db::Session& db, const OrganizationKey& organization,
    const std::optional<std::pair<Instant, std::string>>& after, int limit) {
  db::Params params = {{"organization", organization}, {"limit", limit}};
  std::string sql = INVITATIONS " WHERE organization_key = :organization";
  if (after) {
    sql += " AND (created_at, id) < (:at, :id)";
    params.emplace_back("at", after->first);
    params.emplace_back("id", after->second);
  }
  return db.all(sql + " ORDER BY created_at DESC, id DESC LIMIT :limit", to_invitation, params);
}

std::optional<Invitation> find_invitation(db::Session& db, const OrganizationKey& organization,
                                          std::string_view id) {
  return db.one(INVITATIONS " WHERE organization_key = :organization AND id = :id", to_invitation,
                {{"organization", organization}, {"id", id}});
}

std::optional<Invitation> find_invitation_by_token(db::Session& db, std::string_view hash) {
  return db.one(INVITATIONS " WHERE hash = :hash", to_invitation, {{"hash", hash}});
}

bool revoke_invitation(db::Session& db, std::string_view id, Instant now) {
  const bool revoked = db.execute(R"sql(
      UPDATE invitations SET revoked_at = :now
      WHERE id = :id AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > :now)sql",
                                  {{"now", now}, {"id", id}}) == 1;
  if (revoked) drop_invitation_mail(db, id);
  return revoked;
}

Result<User> join_by_invitation(db::Session& db, const Invitation& invitation, const Guest& guest,
                                Instant now) {
  if (const auto checked = check_login(guest.login); !checked) return checked.error();
  // Held from here on, so that nothing below fails once something was written.
  const auto held = db.one(INVITATIONS " WHERE id = :id /* pg: FOR UPDATE */", to_invitation,
                           {{"id", invitation.id}});
  if (!held || held->status(now) != InvitationStatus::open) {
    return Error{Error::Kind::conflict, "This invitation is no longer open.",
                 "Ask an owner of the organization for a new one."};
  }
  const auto account = find_account(db, guest.login);
  if (account != guest.account) {
    return Error{Error::Kind::conflict, "The account of this login changed meanwhile.",
                 "Try again."};
  }
  User user{.key = new_id<UserKey>(), .login = guest.login, .created_at = now};
  if (account) {
    user.key = account->user;
  } else if (db.execute(R"sql(
      INSERT INTO users (key, login, password_hash, created_at)
      VALUES (:key, :login, :password_hash, :now) ON CONFLICT (login) DO NOTHING)sql",
                        {{"key", user.key},
                         {"login", guest.login},
                         {"password_hash", guest.password_hash},
                         {"now", now}}) == 0) {
    return Error{Error::Kind::conflict, "Somebody took this login meanwhile.",
                 "Choose another one."};
  }
  const auto joined = db.execute(
      R"sql(INSERT INTO members (organization_key, user_key, role, created_at)
      VALUES (:organization, :user, :role, :now) ON CONFLICT DO NOTHING)sql",
      {{"organization", invitation.organization},
       {"user", user.key},
       {"role", to_text(invitation.role)},
       {"now", now}});
  if (joined == 0) {
    return Error{Error::Kind::conflict, "You are a member of this organization already.",
                 "An owner can change your role: cupola member set-role."};
  }
  db.execute("UPDATE invitations SET accepted_at = :now, accepted_by = :login WHERE id = :id",
             {{"now", now}, {"login", guest.login}, {"id", invitation.id}});
  drop_invitation_mail(db, invitation.id);
  return user;
}

}  // namespace cupola::store
