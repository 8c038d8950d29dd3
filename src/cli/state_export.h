#pragma once

/// The states of backends that Meltano itself reads: it has their clients, and knows their
/// settings.

#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"
#include "cli/state_source.h"

namespace cupola::cli {

/// What `<meltano> state export` says of the backend at this URI. It runs with this process's
/// environment, in the present folder where that is a project, whose settings (credentials, an
/// endpoint) then hold, else in an empty one of its own. Takes seconds. Errors: not_found (no such
/// program), invalid (it failed; with its words).
Result<std::vector<FoundState>> export_states(const std::string& uri, const std::string& meltano);

/// The states in what that command printed; `place` is where it came from, for errors (invalid).
Result<std::vector<FoundState>> parse_export(std::string_view text, const std::string& place);

}  // namespace cupola::cli
