#pragma once

/// What official Meltano makes of the `interval` of a schedule. When a schedule fires is told by
/// the module `cron`; this is only what `meltano schedule` says about it.

#include <optional>
#include <string>
#include <string_view>

namespace cupola::meltano {

/// The cron expression that an alias such as "@daily" stands for; nothing for "@once", "@manual",
/// "@none" and an empty interval; any other text as it is.
std::optional<std::string> cron_of_interval(std::string_view interval);

/// Whether `meltano schedule add` would take the interval. It is lenient: of a list such as
/// "99,5" one good part is enough.
bool is_accepted_interval(std::string_view interval);

}  // namespace cupola::meltano
