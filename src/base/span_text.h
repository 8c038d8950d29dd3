#pragma once

/// A span as people give it to `parse_span` (base/time.h): "30d", "36h", "90m".

#include <chrono>
#include <string>

namespace cupola {

/// In the largest unit of which it is a whole number; rounded up to seconds.
std::string span_text(std::chrono::milliseconds span);

}  // namespace cupola
