#pragma once

/// The index of a log: a header, then one record a line (docs/design/log-format.md).

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/time.h"
#include "logs/writer.h"

namespace cupola::logs {

inline constexpr std::size_t record_size = 16;
inline constexpr std::size_t header_size = 16;
/// No line in a log is longer, newline included; what claims to be is damage.
inline constexpr std::uint32_t longest_line_ever = 16u << 20;

using RecordBytes = std::array<char, record_size>;
using HeaderBytes = std::array<char, header_size>;

struct Record {
  std::uint64_t end = 0;  ///< where the line ends in the log, its newline included
  Instant time;
  Stream stream = Stream::output;
  bool continued = false;  ///< no newline: the next line of the same stream goes on
};

RecordBytes pack(const Record& record);
/// Reads `record_size` bytes. Empty when they are none that `pack` makes.
std::optional<Record> unpack(const char* bytes);

struct Header {
  bool limit_reached = false;  ///< what came later was dropped
};
HeaderBytes pack(const Header& header);
/// Reads `header_size` bytes. Empty when it is no index, or one of a later version.
std::optional<Header> unpack_header(const char* bytes);

/// The files of the log at `path`.
struct Files {
  explicit Files(const std::filesystem::path& path);
  std::filesystem::path log, index, packed_log, packed_index;
};

/// How much of a live log is whole: a kill or a power cut can leave a torn tail behind it.
struct Extent {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  Header header;
};
/// Looks from the end backwards. Empty when the index has no valid header.
std::optional<Extent> whole_extent(const Fd& index, const Fd& log);

}  // namespace cupola::logs
