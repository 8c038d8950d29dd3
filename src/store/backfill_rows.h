#pragma once

/// How backfills lie in their table, for the files of this module that read them.

#include "db/database.h"
#include "store/backfills.h"

/// The columns that `to_backfill` reads, of the table `backfills` as `b`.
#define BACKFILL_COLUMNS                                                                   \
  "b.key, b.organization_key, b.project_key, b.deployment_key, b.schedule_key, b.number, " \
  "b.schedule_name, b.status, b.cause, b.since, b.until, b.newest_first, b.parallel, "     \
  "b.start_variable, b.end_variable, b.state_id_suffix, b.created_by, b.created_at, b.ended_at"

namespace cupola::store {

Backfill to_backfill(const db::Row& row);

/// Ends it; false when it was over already. What waits is dropped.
bool end_backfill(db::Session& db, const BackfillKey& backfill, BackfillStatus status,
                  const std::optional<std::string>& cause, Instant now);

}  // namespace cupola::store
