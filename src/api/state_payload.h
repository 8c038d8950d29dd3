#pragma once

/// Singer states as callers send them. Private.

#include <string>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::api {

/// Whether it may name a state. Errors: invalid.
Result<void> check_state_id(const std::string& state_id);

/// What is kept for a value: {"completed"}, {"partial"} or both as they are, {"singer_state": …}
/// and a bare object of bookmarks as a completed state, as Meltano writes it. Errors: invalid,
/// too_large.
Result<std::string> state_payload_of(const std::string& state_id, const json::value& value);

}  // namespace cupola::api
