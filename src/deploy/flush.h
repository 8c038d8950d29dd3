#pragma once

/// Bringing a tree of files to the disk before the name that says it is whole.

#include <filesystem>

namespace cupola::deploy {

/// All that was written to the folder's file system (syncfs). Throws Failure.
void flush_to_disk(const std::filesystem::path& folder);

/// Gives the folder another name on the same file system. Throws Failure.
void move_folder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace cupola::deploy
