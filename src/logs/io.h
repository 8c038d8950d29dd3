#pragma once

/// Reading and writing files at a position, whole, with the path in what is thrown.

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/files.h"

namespace cupola::logs {

/// Opens with `flags` (O_CLOEXEC is added), mode 0640 for what it makes; throws Failure.
Fd open_file(const std::filesystem::path& path, int flags);
/// Writes all of `bytes` at `offset`; throws Failure.
void write_at(const Fd& fd, std::uint64_t offset, std::string_view bytes,
              const std::filesystem::path& path);
/// Reads up to `size` bytes; fewer at the end of the file or when it cannot be read.
std::size_t read_at(const Fd& fd, std::uint64_t offset, char* to, std::size_t size);
/// 0 when it cannot be told.
std::uint64_t size_of(const Fd& fd);
void sync_file(const Fd& fd, const std::filesystem::path& path);
/// Makes renames and removals in the folder durable; throws Failure.
void sync_folder(const std::filesystem::path& folder);

}  // namespace cupola::logs
