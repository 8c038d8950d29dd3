#pragma once

/// Who owns what a run may write.

#include <filesystem>

#include "base/outcome.h"

namespace cupola::process {

/// Makes `uid` (and the group of the same number) the owner of `path` and all below it. Links are
/// given themselves, never what they lead to. What has that owner already is left as it is. For
/// trees that no run has open. Needs root, unless all is owned so. Errors: not_found, forbidden.
Result<void> give_to(const std::filesystem::path& path, unsigned uid);

}  // namespace cupola::process
