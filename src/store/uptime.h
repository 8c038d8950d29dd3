#pragma once

/// How many of the ticks of schedules were kept (credits/ticks.h), from what became of their fires.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "credits/month.h"
#include "credits/ticks.h"
#include "db/database.h"
#include "store/schedules.h"

namespace cupola::store {

struct UptimeFilter {
  credits::Day from;   ///< of nominal times
  credits::Day until;  ///< before this day
  std::optional<ProjectKey> project;
  std::optional<DeploymentKey> deployment;
};

struct Uptime {
  ScheduleKey schedule;
  std::string project;
  std::string deployment;
  std::string name;
  credits::TickCount ticks;
};
struct UptimePage {
  std::vector<Uptime> schedules;  ///< those that were due at all
  bool more = false;              ///< there are schedules after those that were looked at
};
/// Looks at `limit` schedules after the first `skip`, oldest first; also at those that a deployment
/// no longer has. Reads their fires of that time, and what is left of their runs.
UptimePage list_uptime(db::Session& db, const OrganizationKey& organization,
                       const UptimeFilter& filter, std::int64_t skip, int limit, Instant now);

}  // namespace cupola::store
