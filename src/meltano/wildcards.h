#pragma once

/// File name patterns as `include_paths` has them: those of Python's pathlib.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

namespace cupola::meltano {

/// Whether a name matches a pattern of `*`, `?` and `[…]` (`[!…]` for all others), hidden names
/// included. Linear in the product of both lengths.
bool matches(std::string_view pattern, std::string_view name);

/// The paths, relative to `folder`, that a pattern of `/`-separated parts finds; `**` is any number
/// of folders. In the order in which the file system lists them, as official Meltano has it. No
/// symbolic link is followed on the way; one that is found at the end is given back as it is.
///
/// Errors (invalid): an empty or absolute pattern, `..`, a tree too large to search.
Result<std::vector<std::filesystem::path>> find_files(const std::filesystem::path& folder,
                                                      std::string_view pattern);

}  // namespace cupola::meltano
