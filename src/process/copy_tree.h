#pragma once

/// Copies a tree of files: what a run gets where there is no overlay.

#include <filesystem>
#include <optional>

#include "base/outcome.h"

namespace cupola::process {

/// Copies the content of the folder `from` into the folder `to`, which is there: folders, regular
/// files and links as links, with modes and times (some taps bookmark by them), given to `uid` if
/// there is one. Other kinds of files are left out. What is
/// there already stays: folders are merged. Blocks are shared where the file system can.
Result<void> copy_tree(const std::filesystem::path& from, const std::filesystem::path& to,
                       std::optional<unsigned> uid);

}  // namespace cupola::process
