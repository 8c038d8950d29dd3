#pragma once

/// Loads a zone from the system: the only file of the module that meets the date library.

#include <memory>
#include <string>
#include <vector>

#include "cron/zone_table.h"

namespace cupola::cron {

/// The zone of that name, or null where the system has none. Throws Failure where it has no zone
/// data at all.
std::unique_ptr<const ZoneTable> load_zone(const std::string& name);

/// The names of all zones of the system. Throws Failure as load_zone does.
std::vector<std::string> zone_names();

}  // namespace cupola::cron
