#pragma once

/// Rules for the names that people give to things.

#include <string_view>

#include "base/outcome.h"

namespace cupola::store {

/// 1 to 100 bytes of UTF-8 without control characters and `..`, no white space at either end.
/// `what` is the thing's word for the message. Errors: invalid.
Result<void> check_name(std::string_view what, std::string_view name);

/// The same, and its slug must not be empty: names that appear in addresses.
Result<void> check_name_with_slug(std::string_view what, std::string_view name);

/// 1 to 255 bytes of UTF-8 without white space and control characters, and not as the logins of
/// service accounts begin. Errors: invalid.
Result<void> check_login(std::string_view login);

/// An address that mail can be sent to: LOCAL@DOMAIN, at most 254 bytes, without white space,
/// control characters, quotes, brackets and commas, so that it is one address in any header.
/// Errors: invalid.
Result<void> check_email(std::string_view address);

}  // namespace cupola::store
