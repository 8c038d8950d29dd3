#pragma once

/// Offsets by hand: how far from its nominal time a fire may be moved.

#include <chrono>

#include "base/outcome.h"
#include "cron/expression.h"

namespace cupola::cron {

/// The shortest time from one fire to the next, as far as a year and some thousand fires show it; a
/// day where it is longer, and without a clock.
std::chrono::minutes shortest_gap(const Expression& expression);

/// An offset must be shorter than that, so that fires stay nearer to their own nominal time than to
/// another one's. Errors: invalid, with what would fit.
Result<void> check_offset(const Expression& expression, std::chrono::minutes offset);

}  // namespace cupola::cron
