#pragma once

/// Bringing a tree of files to the disk before the name that says it is whole.

#include <filesystem>

namespace cupola::deploy {

/// All that was written to the folder's file system (syncfs). Throws Failure.
void flush_to_disk(const std::filesystem::path& folder);

}  // namespace cupola::deploy
