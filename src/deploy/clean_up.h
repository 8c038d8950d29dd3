#pragma once

/// Takes away what deploys left and nobody needs: files of old releases, unused environments.

#include <chrono>

#include "base/home.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::deploy {

struct Retention {
  int releases = 5;  ///< of each deployment, besides the live one and those that runs use
  std::chrono::milliseconds environments = 14 * 24h;  ///< after their last use
};

struct Removed {
  int releases = 0;
  int environments = 0;
};

/// What a kept release names is never removed, however long it is unused. Safe beside deploys and
/// runs, to repeat and to be killed: files go before the rows that name them. Also goes what
/// killed builds and deleted deployments and projects left. Throws Failure when the database is
/// gone.
Removed clean_up(db::Database& database, const Home& home, const Retention& retention, Instant now);

}  // namespace cupola::deploy
