#pragma once

/// Times as people type them: a span back from now, or a time.

#include <string>
#include <string_view>

#include "base/outcome.h"
#include "base/time.h"

namespace cupola::cli {

/// "2d" (that long before `now`), "2026-11-23", "2026-11-23T03:00:00Z" as RFC 3339 in UTC; empty
/// for an empty text. Errors: invalid; `option` names it in the message.
Result<std::string> parse_moment(std::string_view option, std::string_view text, Instant now);

}  // namespace cupola::cli
