#pragma once

/// What the next clean-up would take away of an organization, and why. Changes nothing.

#include <string>
#include <vector>

#include "store/retention.h"

namespace cupola::store {

struct WouldGo {
  /// "logs", "runs", "artifacts", "fires", "backfills", "deleted" (deployments, whose history
  /// goes), "state_versions", "deliveries", "audit"
  std::string what;
  std::int64_t count = 0;  ///< of deliveries: events with their messages
  /// Before which it is old; none for versions of state, and for what is kept for ever.
  std::optional<Instant> before;
  struct Example {
    std::string name;  ///< a run's id, a file of a run, a state id with a version, an action
    Instant at;        ///< end of the run or backfill, fire, last change, event
  };
  std::vector<Example> examples;  ///< the oldest, 5 at most
};
std::vector<WouldGo> preview_retention(db::Session& db, const OrganizationKey& organization,
                                       const Retention& kept, Instant now);

}  // namespace cupola::store
