#pragma once

/// A server's way to the database that all share, with the faults of such a way.

#include <functional>
#include <string>

#include "db/database.h"
#include "simulation/world.h"

namespace cupola::simulation {

/// What may go wrong, in parts of a million of all transactions.
struct DatabaseFaults {
  int refused = 0;      ///< nothing was done
  int undone = 0;       ///< all was done, then the commit failed
  int kept_untold = 0;  ///< the commit went through, and its answer was lost
  int done_twice = 0;   ///< the work runs again, as after a lost connection
};

class FaultyDatabase : public db::Database {
 public:
  struct Ways {
    /// Called before and after each transaction: whoever holds this up, or ends it, does it there.
    std::function<void()> point;
    /// Why the database cannot be reached now; empty when it can.
    std::function<std::string(bool writes)> fault;
    std::function<void()> wrote;  ///< a transaction was kept
  };
  FaultyDatabase(db::Database& real, World& world, const DatabaseFaults& faults, Ways ways)
      : real_(real), world_(world), faults_(faults), ways_(std::move(ways)) {}

  std::uint64_t writes() const override { return real_.writes(); }
  bool is_postgres() const override { return real_.is_postgres(); }
  std::string description() const override { return real_.description(); }

 private:
  void run_read(const std::function<void(db::Session&)>& work) override;
  void run_write(const std::function<void(db::Session&)>& work) override;
  void refuse(bool writes);

  db::Database& real_;
  World& world_;
  const DatabaseFaults& faults_;
  Ways ways_;
};

}  // namespace cupola::simulation
