#pragma once

/// Numbers of credits as they come from the server.

#include <string>
#include <string_view>

#include "base/json.h"
#include "credits/amount.h"

namespace cupola::cli {

/// The member `key` as a number; "-" where there is none.
std::string credits_at(const json::object& object, std::string_view key);

}  // namespace cupola::cli
