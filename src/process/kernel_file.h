#pragma once

/// Files of /proc and of control groups.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace cupola::process {

/// What the file says, at most 1 MiB of it; empty when it is not there, or no longer: a process may
/// end between the opening of its file and the reading.
std::string text_of(const std::filesystem::path& file);

/// When the process was started, in clock ticks since the machine was (field 22 of /proc/PID/stat):
/// no other process has both, this and its pid. Empty when it is gone.
std::optional<std::uint64_t> start_time_of(int pid);

}  // namespace cupola::process
