#pragma once

/// The time that all servers on one PostgreSQL agree on: the database's own.

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "db/database.h"

namespace cupola::db {

/// The database's time, asked for now and then, and carried on between by a clock that nobody sets
/// and that goes on while the machine sleeps. So a server whose own clock is wrong fires nothing
/// early or late and stamps nothing wrong. When the database's clock is set, or another machine
/// takes over with another time, `now` jumps at the next `measure`. For PostgreSQL only. Safe from
/// any thread.
class DatabaseClock : public Clock {
 public:
  /// Asks for the first time. Throws Failure when the database cannot be reached.
  explicit DatabaseClock(Database& database);
  Instant now() const override;

  /// Asks again: every few seconds, from a thread that may wait for the database. Differences that
  /// the time of the question itself explains are let be. Throws Failure; the time goes on then.
  void measure();

  /// How far the system's clock of this machine is ahead of the database's.
  std::chrono::milliseconds system_ahead() const;

 private:
  Database& database_;
  std::atomic<std::int64_t> since_boot_{0};  // the database's time at this machine's boot
};

}  // namespace cupola::db
