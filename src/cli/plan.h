#pragma once

/// The plan of a deploy, for a person.

#include <string>
#include <string_view>

#include "base/json.h"

namespace cupola::cli {

/// Prints it; `what` begins its first line ("A deploy of prod"). Gives the exit code: 1 where a
/// fault keeps the release from going live.
int print_plan(std::string_view format, const json::object& plan, std::string_view what);

}  // namespace cupola::cli
