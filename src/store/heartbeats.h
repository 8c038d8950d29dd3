#pragma once

/// Where organizations want to be pinged while the scheduler lives.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "db/database.h"

namespace cupola::store {

struct Heartbeat {
  OrganizationKey organization;
  std::string url;
};
std::vector<Heartbeat> list_heartbeats(db::Session& db);

/// Empty where it wants none.
std::optional<std::string> heartbeat_of(db::Session& db, const OrganizationKey& organization);
void set_heartbeat(db::Session& db, const OrganizationKey& organization,
                   const std::optional<std::string>& url);

}  // namespace cupola::store
