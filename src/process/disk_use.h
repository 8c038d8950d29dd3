#pragma once

/// How much a folder takes on the disk.

#include <cstdint>
#include <filesystem>

namespace cupola::process {

/// Bytes of the disk that `folder` and all below it take; at least 1 KiB for each entry, so that
/// empty files count too. Links are not followed, other file systems not entered. What is changed
/// or removed meanwhile is counted or not. 0 when it is not there.
std::int64_t disk_use(const std::filesystem::path& folder);

}  // namespace cupola::process
