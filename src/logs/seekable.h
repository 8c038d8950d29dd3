#pragma once

/// The zstd seekable format (contrib/seekable_format/zstd_seekable_compression_format.md of zstd):
/// independent frames, and behind them a table of their sizes in a frame that others skip.
/// `zstd -d` reads it as any other file.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace cupola::logs {

/// Bytes a frame holds, the last one fewer: what a reader must unpack for one line.
inline constexpr std::size_t frame_content = 128u << 10;
/// No frame holds more; a table that says so is damaged.
inline constexpr std::size_t largest_frame_content = 4u << 20;

struct Frame {
  std::uint32_t packed = 0;   ///< bytes in the file
  std::uint32_t content = 0;  ///< bytes that they hold
};

/// The seek table as it stands at the end of the file.
std::string seek_table(const std::vector<Frame>& frames);

/// Packs the first `size` bytes of `from` into `to_path`, fsynced. Throws Failure.
void pack_file(const Fd& from, std::uint64_t size, const std::filesystem::path& from_path,
               const std::filesystem::path& to_path);

}  // namespace cupola::logs
