#pragma once

/// "Did you mean …?": which known name was probably meant.

#include <string>
#include <string_view>
#include <vector>

namespace cupola {

/// The candidate that fewest changes of a letter lead to, when they are few for its length; else
/// empty. Looks at names up to 64 bytes only.
std::string most_alike(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace cupola
