#pragma once

/// Where organizations want to be pinged while the scheduler lives.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

struct Heartbeat {
  OrganizationKey organization;
  std::string url;
};
/// Those that were not asked for within `every` before `now`, which are taken as asked then: of
/// several servers one gets each. A time after `now` is of a clock that was ahead, and counts for
/// nothing.
std::vector<Heartbeat> claim_heartbeats(db::Session& db, Instant now,
                                        std::chrono::milliseconds every);
/// Whether anybody wants to be pinged.
bool has_heartbeats(db::Session& db);

/// Empty where it wants none.
std::optional<std::string> heartbeat_of(db::Session& db, const OrganizationKey& organization);
/// Another one, or the same set anew, is due at once.
void set_heartbeat(db::Session& db, const OrganizationKey& organization,
                   const std::optional<std::string>& url);

}  // namespace cupola::store
