#pragma once

/// Takes away what is older than the operator wants kept: logs, runs, state versions, kept replies,
/// the audit log; and credits of organizations that were idle for a year.

#include <optional>

#include "base/home.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::runner {

struct Retention {
  std::chrono::milliseconds logs = 30 * 24h;   ///< after the run ended
  std::chrono::milliseconds runs = 400 * 24h;  ///< after the run ended; its log goes with it
  int state_versions = 100;                    ///< of each state id
  /// After the change; none: for ever. Runs may be long gone before.
  std::optional<std::chrono::milliseconds> audit;
};

struct Removed {
  std::int64_t logs = 0;
  std::int64_t runs = 0;
  std::int64_t state_versions = 0;
  std::int64_t audit = 0;
};

/// Works in small steps, so that nothing else waits long for the database. Safe to repeat and to be
/// killed: files go before the rows that name them. Throws Failure when the database is gone.
Removed clean_up(db::Database& database, const Home& home, const Retention& retention, Instant now);

}  // namespace cupola::runner
