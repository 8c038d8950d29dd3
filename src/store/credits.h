#pragma once

/// An organization's account of credits: what was bought, what was used, what happens when little
/// or nothing is left. The balance is what was bought less all that was ever used, also what is not
/// summed up yet (store/usage.h); it may be negative.

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "credits/amount.h"
#include "db/database.h"

namespace cupola::store {

struct CreditSettings {
  std::optional<credits::Amount> low_threshold;  ///< a balance of so much or less is told
  bool stop_at_zero = false;                     ///< nothing starts while nothing is left
};

struct CreditAccount {
  credits::Amount bought;
  credits::Amount used;
  CreditSettings settings;

  credits::Amount balance() const { return bought - used; }
  bool is_low() const { return settings.low_threshold && balance() <= *settings.low_threshold; }
  bool is_stopped() const { return settings.stop_at_zero && balance() <= credits::Amount{}; }
};
CreditAccount credit_account_of(db::Session& db, const OrganizationKey& organization);

/// Organizations for which nothing is to start.
std::set<OrganizationKey> list_stopped_organizations(db::Session& db);

/// A balance that is low by the new settings is told.
void set_credit_settings(db::Session& db, const OrganizationKey& organization,
                         const CreditSettings& settings, Instant now);

enum class CreditEntryKind {
  purchase,
  correction,  ///< less than nothing, of what was entered wrongly
  expired,     ///< by the server
};
std::string_view to_text(CreditEntryKind kind);

struct CreditEntry {
  std::string id;
  credits::Amount amount;
  CreditEntryKind kind = CreditEntryKind::purchase;
  std::string note;
  std::string entered_by;  ///< a name as it was then
  Instant entered_at;
};
/// Keeps it for ever; the id and the time are given. Less than nothing is a correction unless it
/// expired.
CreditEntry add_credit_entry(db::Session& db, const OrganizationKey& organization,
                             CreditEntry entry, Instant now);
/// Newest first, after the one with that time and id.
std::vector<CreditEntry> list_credit_entries(
    db::Session& db, const OrganizationKey& organization,
    const std::optional<std::pair<Instant, std::string>>& after, int limit);

/// Tells, once until it is no longer so, that a balance is low.
void tell_if_low(db::Session& db, const OrganizationKey& organization, Instant now);

/// Credits that are left expire a year after the last purchase and the last run that cost
/// something. Does so for all organizations; gives for how many.
int expire_credits(db::Session& db, Instant now);

}  // namespace cupola::store
