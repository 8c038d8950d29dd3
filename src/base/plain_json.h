#pragma once

/// JSON with decimal numbers as people write them.

#include <string>

#include "base/json.h"

namespace cupola {

/// As json::serialize, but 0.5 is 0.5, and not 5E-1.
std::string to_plain_text(const json::value& value);

}  // namespace cupola
