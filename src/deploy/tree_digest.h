#pragma once

/// The content of what a plugin names in its repository, as one number.

#include <filesystem>
#include <string>

#include "base/outcome.h"

namespace cupola::deploy {

/// SHA-256 over names, kinds, executable bits and contents of a file or folder at `path` (relative)
/// in `root`; links count by where they point, and are not followed. A Python project that names
/// its neighbours (`../`) counts with all of `root`. Errors: not_found, invalid (outside of `root`,
/// a link on the way).
Result<std::string> tree_digest(const std::filesystem::path& root,
                                const std::filesystem::path& path);

/// The same for a requirements file and those that it names by -r, -c, -e and paths.
Result<std::string> requirements_digest(const std::filesystem::path& root,
                                        const std::filesystem::path& path, int depth = 5);

}  // namespace cupola::deploy
