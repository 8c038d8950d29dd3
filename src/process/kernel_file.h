#pragma once

/// Files of /proc and of control groups.

#include <filesystem>
#include <string>

namespace cupola::process {

/// What the file says, at most 1 MiB of it; empty when it is not there, or no longer: a process may
/// end between the opening of its file and the reading.
std::string text_of(const std::filesystem::path& file);

}  // namespace cupola::process
