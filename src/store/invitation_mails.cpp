#include "store/invitation_mails.h"

#include "store/invitation_rows.h"
#include "store/resealing.h"

namespace cupola::store {
namespace {

std::string context_of(std::string_view organization, std::string_view invitation) {
  return "invitation/" + std::string(organization) + "/" + std::string(invitation);
}

}  // namespace

void queue_invitation_mail(db::Session& db, const Vault& vault, Invitation& invitation,
                           const Secret& link, Instant now) {
  db.execute(
      R"sql(
      UPDATE invitations SET mail_status = 'waiting', mail_next_at = :now, sealed_link = :link
      WHERE id = :id)sql",
      {{"id", invitation.id},
       {"now", now},
       {"link", vault.seal(db, link, context_of(invitation.organization.text(), invitation.id))}});
  invitation.mail.status = "waiting";
  invitation.mail.next_at = now;
}

std::vector<InvitationMail> claim_invitation_mails(db::Session& db, int most, Instant now,
                                                   Instant ends) {
  db.execute(R"sql(
      UPDATE invitations SET mail_status = 'dropped', mail_next_at = NULL, sealed_link = NULL
      WHERE mail_next_at <= :now AND expires_at <= :now)sql",
             {{"now", now}});
  const auto ids = db.all(R"sql(
      UPDATE invitations SET mail_next_at = :ends, mail_tries = mail_tries + 1
      WHERE id IN (SELECT id FROM invitations WHERE mail_next_at <= :now
                   ORDER BY mail_next_at, id LIMIT :most /* pg: FOR UPDATE SKIP LOCKED */)
      RETURNING id)sql",
                          [](const db::Row& row) { return row.get<std::string>(0); },
                          {{"now", now}, {"ends", ends}, {"most", most}});
  std::vector<InvitationMail> claimed;
  for (const std::string& id : ids) {
    auto mail = db.one("SELECT " INVITATION_COLUMNS
                       ", i.sealed_link, o.name FROM invitations i JOIN organizations o ON o.key = "
                       "i.organization_key WHERE i.id = :id",
                       [](const db::Row& row) {
                         return InvitationMail{
                             .invitation = to_invitation(row),
                             .organization_name = row.get<std::string>(invitation_columns + 1),
                             .sealed_link = row.get<std::string>(invitation_columns)};
                       },
                       {{"id", id}});
    if (mail) claimed.push_back(*std::move(mail));
  }
  return claimed;
}

Secret link_of(const Vault& vault, const InvitationMail& mail) {
  return vault.open_sealed(mail.sealed_link,
                           context_of(mail.invitation.organization.text(), mail.invitation.id));
}

bool has_invitation_mails(db::Session& db, Instant now) {
  return db
      .one("SELECT 1 FROM invitations WHERE mail_next_at <= :now LIMIT 1",
           [](const db::Row& row) { return row.get<int>(0); }, {{"now", now}})
      .has_value();
}

void finish_invitation_mail(db::Session& db, const InvitationMail& mail,
                            const std::optional<std::string>& error,
                            const std::optional<Instant>& again_at, Instant now) {
  const bool is_over = !error || !again_at;
  db.execute(R"sql(
      UPDATE invitations SET mail_status = :status, mail_error = :error, mail_next_at = :again_at,
        mailed_at = :mailed_at, sealed_link = CASE WHEN :is_over = 1 THEN NULL ELSE sealed_link END
      WHERE id = :id AND mail_status = 'waiting' AND mail_tries = :tries)sql",
             {{"status", !error     ? "delivered"
                         : again_at ? "waiting"
                                    : "failed"},
              {"error", error},
              {"again_at", error ? again_at : std::nullopt},
              {"mailed_at", error ? std::nullopt : std::optional(now)},
              {"is_over", is_over},
              {"id", mail.invitation.id},
              {"tries", mail.invitation.mail.tries}});
}

void drop_invitation_mail(db::Session& db, std::string_view invitation) {
  db.execute(R"sql(
      UPDATE invitations SET mail_status = 'dropped', mail_next_at = NULL, sealed_link = NULL
      WHERE id = :id AND mail_status = 'waiting')sql",
             {{"id", invitation}});
}

void reseal_invitations(db::Session& db, Resealing& with) {
  struct Row {
    std::string id, organization, link;
  };
  const auto rows = db.all(
      "SELECT id, organization_key, sealed_link FROM invitations WHERE sealed_link IS NOT NULL",
      [](const db::Row& row) {
        return Row{row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2)};
      });
  for (const Row& row : rows) {
    db.execute(
        "UPDATE invitations SET sealed_link = :link WHERE id = :id",
        {{"link", with.reseal(row.link, context_of(row.organization, row.id))}, {"id", row.id}});
  }
}

}  // namespace cupola::store
