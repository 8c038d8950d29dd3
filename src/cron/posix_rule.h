#pragma once

/// The rule at the end of a TZif file (RFC 8536, section 3.3) for all years after its records: a
/// TZ text as POSIX defines it, "EST5EDT,M3.2.0,M11.1.0". date does not read it.

#include <optional>
#include <string_view>
#include <vector>

#include "cron/zone_table.h"

namespace cupola::cron {

/// The changes that the rule makes from the year `from` to before the year `to`, in order of time.
/// No changes where the rule has one offset; empty where the text is not such a rule.
std::optional<std::vector<ZoneTable::Change>> posix_changes(std::string_view rule, int from,
                                                            int to);

}  // namespace cupola::cron
