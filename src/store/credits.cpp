#include "store/credits.h"

#include <fmt/format.h>

#include "store/audit.h"
#include "store/columns.h"
#include "store/notification_events.h"

namespace cupola::store {
namespace {

using credits::Amount;

constexpr Words<CreditEntryKind, 3> kind_words = {{{CreditEntryKind::purchase, "purchase"},
                                                   {CreditEntryKind::correction, "correction"},
                                                   {CreditEntryKind::expired, "expired"}}};

constexpr std::chrono::days kept_unused{365};

/// Of the account `a`: what was used and is not summed up yet.
#define UNSETTLED                                                                              \
  "coalesce((SELECT CAST(sum(c.credits_base + c.credits_run_time + coalesce(c.credits_egress," \
  " 0)) AS bigint) FROM run_costs c WHERE c.organization_key = a.organization_key), 0)"

CreditEntry to_entry(const db::Row& row) {
  return {.id = row.get<std::string>(0),
          .amount = {row.get<std::int64_t>(1)},
          .kind = value_in_column(kind_words, row.get<std::string_view>(2)),
          .note = row.get<std::string>(3),
          .entered_by = row.get<std::string>(4),
          .entered_at = row.get<Instant>(5)};
}

}  // namespace

std::string_view to_text(CreditEntryKind kind) {
  return word_for(kind_words, kind);
}

CreditAccount credit_account_of(db::Session& db, const OrganizationKey& organization) {
  // Also where it has no row yet.
  const auto account =
      db.one("SELECT coalesce(t.bought, 0), coalesce(t.used, 0) + " UNSETTLED
             ", t.low_threshold, coalesce(t.stop_at_zero, 0)"
             " FROM (SELECT key AS organization_key FROM organizations WHERE key = :organization) a"
             " LEFT JOIN credit_accounts t ON t.organization_key = a.organization_key",
             [](const db::Row& row) {
               return CreditAccount{.bought = {row.get<std::int64_t>(0)},
                                    .used = {row.get<std::int64_t>(1)},
                                    .settings = {.low_threshold = credits::amount_of(
                                                     row.get<std::optional<std::int64_t>>(2)),
                                                 .stop_at_zero = row.get<bool>(3)}};
             },
             {{"organization", organization}});
  return account.value_or(CreditAccount{});
}

std::set<OrganizationKey> list_stopped_organizations(db::Session& db) {
  std::set<OrganizationKey> stopped;
  db.each(
      "SELECT a.organization_key FROM credit_accounts a WHERE a.stop_at_zero = 1"
      " AND a.bought - a.used - " UNSETTLED " <= 0",
      {}, [&](const db::Row& row) {
        stopped.insert(row.get<OrganizationKey>(0));
        return true;
      });
  return stopped;
}

void set_credit_settings(db::Session& db, const OrganizationKey& organization,
                         const CreditSettings& settings, Instant now) {
  const auto threshold = credits::hundredths_of(settings.low_threshold);
  db.execute(
      R"sql(
      INSERT INTO credit_accounts (organization_key, used, bought, low_threshold, low_told,
        stop_at_zero)
      VALUES (:organization, 0, 0, :threshold, 0, :stop)
      ON CONFLICT (organization_key) DO UPDATE SET
        low_threshold = excluded.low_threshold, stop_at_zero = excluded.stop_at_zero)sql",
      {{"organization", organization}, {"threshold", threshold}, {"stop", settings.stop_at_zero}});
  tell_if_low(db, organization, now);
}

CreditEntry add_credit_entry(db::Session& db, const OrganizationKey& organization,
                             CreditEntry entry, Instant now) {
  entry.id = new_uuid7();
  entry.entered_at = now;
  if (entry.amount < Amount{} && entry.kind == CreditEntryKind::purchase) {
    entry.kind = CreditEntryKind::correction;
  }
  db.execute(R"sql(
      INSERT INTO credit_entries (id, organization_key, amount, kind, note, entered_by, entered_at)
      VALUES (:id, :organization, :amount, :kind, :note, :by, :now))sql",
             {{"id", entry.id},
              {"organization", organization},
              {"amount", entry.amount.hundredths},
              {"kind", to_text(entry.kind)},
              {"note", entry.note},
              {"by", entry.entered_by},
              {"now", now}});
  db.execute(R"sql(
      INSERT INTO credit_accounts (organization_key, used, bought, low_told, stop_at_zero,
        active_at)
      VALUES (:organization, 0, :amount, 0, 0, :now)
      ON CONFLICT (organization_key) DO UPDATE SET
        bought = credit_accounts.bought + excluded.bought, active_at = excluded.active_at)sql",
             {{"organization", organization}, {"amount", entry.amount.hundredths}, {"now", now}});
  tell_if_low(db, organization, now);
  return entry;
}

std::vector<CreditEntry> list_credit_entries(
    db::Session& db, const OrganizationKey& organization,
    const std::optional<std::pair<Instant, std::string>>& after, int limit) {
  std::string sql =
      "SELECT id, amount, kind, note, entered_by, entered_at FROM credit_entries"
      " WHERE organization_key = :organization";
  db::Params params = {{"organization", organization}, {"limit", limit}};
  if (after) {
    sql += " AND (entered_at, id) < (:at, :id)";
    params.emplace_back("at", after->first);
    params.emplace_back("id", after->second);
  }
  return db.all(sql + " ORDER BY entered_at DESC, id DESC LIMIT :limit", to_entry, params);
}

void tell_if_low(db::Session& db, const OrganizationKey& organization, Instant now) {
  const CreditAccount account = credit_account_of(db, organization);
  const auto changed = db.execute(
      "UPDATE credit_accounts SET low_told = :low"
      " WHERE organization_key = :organization AND low_told <> :low",
      {{"low", account.is_low()}, {"organization", organization}});
  if (changed == 0 || !account.is_low()) return;
  std::string cause = fmt::format("{} credits are left, the warning is set at {}.",
                                  credits::to_text(account.balance()),
                                  credits::to_text(*account.settings.low_threshold));
  if (account.settings.stop_at_zero) {
    cause += account.is_stopped() ? " Nothing starts any more." : " At 0 nothing starts any more.";
  }
  tell_credits_low(db, organization, cause, now);
}

int expire_credits(db::Session& db, Instant now) {
  const auto idle = db.all(
      "SELECT organization_key FROM credit_accounts WHERE active_at < :before AND bought > used",
      [](const db::Row& row) { return row.get<OrganizationKey>(0); },
      {{"before", now - kept_unused}});
  int expired = 0;
  for (const OrganizationKey& organization : idle) {
    const Amount balance = credit_account_of(db, organization).balance();
    if (balance <= Amount{}) continue;
    const CreditEntry entry = add_credit_entry(db, organization,
                                               {.amount = -balance,
                                                .kind = CreditEntryKind::expired,
                                                .note = "Nothing was bought or used for a year.",
                                                .entered_by = "server"},
                                               now);
    add_audit(db, {.organization = organization,
                   .at = now,
                   .actor_kind = ActorKind::server,
                   .actor = "server",
                   .action = "credits.expire",
                   .name = credits::to_text(entry.amount),
                   .thing_id = entry.id});
    ++expired;
  }
  return expired;
}

}  // namespace cupola::store
