#pragma once

/// Base64 (RFC 4648, section 4: the standard alphabet, with padding).

#include <string>
#include <string_view>

namespace cupola {

std::string to_base64(std::string_view bytes);

}  // namespace cupola
