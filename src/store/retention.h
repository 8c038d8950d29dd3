#pragma once

/// How long what is kept: the operator's choice for all, and an organization's own over it.

#include <chrono>
#include <optional>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

struct Retention {
  std::chrono::milliseconds logs = 30 * 24h;        ///< after the run ended
  std::chrono::milliseconds runs = 400 * 24h;       ///< after the run ended; its log goes with it
  int state_versions = 100;                         ///< of each state id
  std::chrono::milliseconds deliveries = 30 * 24h;  ///< after the event
  /// After the change; none: for ever. Runs may be long gone before.
  std::optional<std::chrono::milliseconds> audit;
};

/// What an organization may choose between.
inline constexpr std::chrono::milliseconds shortest_kept = 24h;
inline constexpr std::chrono::milliseconds longest_kept = 36500 * 24h;
inline constexpr int most_state_versions = 100'000;
/// So that nobody wipes the trace of what he did.
inline constexpr std::chrono::milliseconds shortest_audit = 365 * 24h;

/// What an organization chose itself; empty: as the operator did.
struct RetentionChoice {
  std::optional<std::chrono::milliseconds> logs;
  std::optional<std::chrono::milliseconds> runs;
  std::optional<int> state_versions;
  std::optional<std::chrono::milliseconds> deliveries;
  std::optional<std::chrono::milliseconds> audit;  ///< zero: for ever
};

/// Errors: invalid, with what is out of its bounds.
Result<void> check_retention_choice(const RetentionChoice& choice);

RetentionChoice retention_choice_of(db::Session& db, const OrganizationKey& organization);
/// Errors: those of the check.
Result<void> set_retention_choice(db::Session& db, const OrganizationKey& organization,
                                  const RetentionChoice& choice);

/// What holds: the choice where there is one.
Retention with_choice(const Retention& defaults, const RetentionChoice& choice);

}  // namespace cupola::store
