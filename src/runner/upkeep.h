#pragma once

/// Takes away what is older than is to be kept: logs, runs and their artifacts, backfills, what was
/// deleted, state versions, messages, the audit log, kept replies; and credits of organizations
/// that were idle for a year.

#include "base/home.h"
#include "base/time.h"
#include "db/database.h"
#include "store/retention.h"

namespace cupola::runner {

struct Removed {
  std::int64_t logs = 0;
  std::int64_t runs = 0;
  std::int64_t state_versions = 0;
  std::int64_t deliveries = 0;
  std::int64_t audit = 0;
};

/// By what each organization chose, else by `defaults`. Works in small steps, so that nothing else
/// waits long for the database. Safe to repeat and to be killed: files go before the rows that name
/// them. Throws Failure when the database is gone.
Removed clean_up(db::Database& database, const Home& home, const store::Retention& defaults,
                 Instant now);

}  // namespace cupola::runner
