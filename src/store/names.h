#pragma once

/// Rules for the names that people give to things.

#include <string_view>

#include "base/outcome.h"

namespace cupola::store {

/// 1 to 100 bytes of UTF-8 without control characters, no white space at either end. `what` is the
/// thing's word for the message. Errors: invalid.
Result<void> check_name(std::string_view what, std::string_view name);

/// The same, and its slug must not be empty: names that appear in addresses.
Result<void> check_name_with_slug(std::string_view what, std::string_view name);

}  // namespace cupola::store
