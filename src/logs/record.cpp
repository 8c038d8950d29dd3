#include "logs/record.h"

#include <cstring>

#include "logs/io.h"

namespace cupola::logs {
namespace {

constexpr std::string_view magic = "cupolog\n";
constexpr std::uint32_t version = 1;
constexpr std::uint64_t stream_bits = 0x3;
constexpr std::uint64_t continued_bit = 0x4;
constexpr std::uint64_t limit_bit = 0x1;

void put(char* to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

std::uint64_t get(const char* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  }
  return value;
}

}  // namespace

RecordBytes pack(const Record& record) {
  RecordBytes bytes{};
  const auto time = static_cast<std::uint64_t>(to_milliseconds(record.time));
  put(bytes.data(), record.end, 8);
  put(bytes.data() + 8,
      time << 8 | (record.continued ? continued_bit : 0) |
          static_cast<std::uint64_t>(record.stream),
      8);
  return bytes;
}

std::optional<Record> unpack(const char* bytes) {
  const std::uint64_t rest = get(bytes + 8, 8);
  const std::uint64_t stream = rest & stream_bits;
  if (stream > 2 || (rest & 0xff & ~(stream_bits | continued_bit)) != 0) return std::nullopt;
  return Record{.end = get(bytes, 8),
                .time = from_milliseconds(static_cast<std::int64_t>(rest) >> 8),
                .stream = static_cast<Stream>(stream),
                .continued = (rest & continued_bit) != 0};
}

HeaderBytes pack(const Header& header) {
  HeaderBytes bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  put(bytes.data() + 8, version, 4);
  put(bytes.data() + 12, header.limit_reached ? limit_bit : 0, 4);
  return bytes;
}

std::optional<Header> unpack_header(const char* bytes) {
  if (std::string_view(bytes, magic.size()) != magic || get(bytes + 8, 4) != version) {
    return std::nullopt;
  }
  return Header{.limit_reached = (get(bytes + 12, 4) & limit_bit) != 0};
}

Files::Files(const std::filesystem::path& path)
    : log(path.string() + ".log"),
      index(path.string() + ".index"),
      packed_log(path.string() + ".log.zst"),
      packed_index(path.string() + ".index.zst") {}

std::optional<Extent> whole_extent(const Fd& index, const Fd& log) {
  HeaderBytes head{};
  if (read_at(index, 0, head.data(), head.size()) != head.size()) return std::nullopt;
  const std::optional<Header> header = unpack_header(head.data());
  if (!header) return std::nullopt;

  const std::uint64_t log_size = size_of(log);
  const auto end_of = [&](std::uint64_t line) -> std::optional<std::uint64_t> {
    RecordBytes bytes{};
    const std::uint64_t at = header_size + line * record_size;
    if (read_at(index, at, bytes.data(), bytes.size()) != bytes.size()) return std::nullopt;
    const std::optional<Record> record = unpack(bytes.data());
    return record ? std::optional(record->end) : std::nullopt;
  };
  // A good line ends within the log and after the line before it.
  for (std::uint64_t lines = (size_of(index) - header_size) / record_size; lines > 0; --lines) {
    const std::optional<std::uint64_t> end = end_of(lines - 1);
    const std::optional<std::uint64_t> before = lines == 1 ? 0 : end_of(lines - 2);
    if (end && before && *end <= log_size && *end > *before &&
        *end - *before <= longest_line_ever) {
      return Extent{.lines = lines, .bytes = *end, .header = *header};
    }
  }
  return Extent{.header = *header};
}

}  // namespace cupola::logs
