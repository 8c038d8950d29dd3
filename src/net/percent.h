#pragma once

/// Percent-encoding of parts of a URL (RFC 3986, section 2).

#include <string>
#include <string_view>

namespace cupola::net {

/// The text with all bytes but letters, digits and -._~ as %XX: fit for a segment of a path and for
/// a name or value in a query.
std::string percent_encode(std::string_view text);

}  // namespace cupola::net
