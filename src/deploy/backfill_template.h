#pragma once

/// `annotations: cupola: backfill:` of a schedule. Inner to `deploy`.

#include "base/json.h"
#include "base/outcome.h"
#include "store/release_content.h"

namespace cupola::deploy {

/// Reads {start, end, state_id_suffix}: the names of two variables, and letters, digits, dashes and
/// underscores. Errors: invalid, with what it must look like.
Result<store::BackfillTemplate> read_backfill(const json::value& note);

}  // namespace cupola::deploy
