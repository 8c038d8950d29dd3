#pragma once

/// Bodies that browsers and form posts send.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/outcome.h"

namespace cupola::http {

/// application/x-www-form-urlencoded: names and values, decoded, in order. Errors: malformed.
Result<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view body);

/// The bytes of the part `name` of a multipart/form-data body (RFC 7578), whose boundary stands in
/// `content_type`; nothing where there is no such part or the body is none.
std::optional<std::string> part_of_form(std::string_view content_type, std::string_view body,
                                        std::string_view name);

}  // namespace cupola::http
