#pragma once

/// What the next clean-up would take away of an organization, and why. Changes nothing.

#include <string>
#include <vector>

#include "store/retention.h"

namespace cupola::store {

struct WouldGo {
  std::string what;        ///< "logs", "runs", "state_versions", "deliveries", "audit"
  std::int64_t count = 0;  ///< logs of runs, runs, versions, events with their messages, entries
  /// Before which it is old; none for versions of state, and for what is kept for ever.
  std::optional<Instant> before;
  struct Example {
    std::string name;  ///< a run's id, a state id with a version, an event's id, an action
    Instant at;        ///< end of the run, last change, event, change
  };
  std::vector<Example> examples;  ///< the oldest, 5 at most
};
std::vector<WouldGo> preview_retention(db::Session& db, const OrganizationKey& organization,
                                       const Retention& kept, Instant now);

}  // namespace cupola::store
