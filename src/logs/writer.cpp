#include "logs/writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/files.h"
#include "logs/io.h"
#include "logs/mask.h"
#include "logs/record.h"

namespace cupola::logs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = 256u << 10;
/// Bytes masked in one go, so that memory does not follow the size of what is appended.
constexpr std::size_t slice_size = 64u << 10;
constexpr std::uint32_t shortest_piece = 64;

/// Cupola's own lines are few; they are kept beyond the limit too, as far as this.
constexpr std::uint64_t room_for_notes = 1u << 20;

/// A little less than `size`, so that no UTF-8 character is cut in two.
std::size_t piece_size(std::string_view line, std::size_t size) {
  std::size_t cut = size;
  while (cut > size - 3 && cut < line.size() &&
         (static_cast<unsigned char>(line[cut]) & 0xc0) == 0x80)
    --cut;
  return cut < line.size() && (static_cast<unsigned char>(line[cut]) & 0xc0) == 0x80 ? size : cut;
}

void truncate_to(const Fd& fd, std::uint64_t size, const fs::path& path) {
  if (size_of(fd) == size) return;
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    throw Failure("Cannot cut the torn end of the log file " + path.string() + ": " +
                  system_text(errno) + ".");
  }
}

}  // namespace

struct Writer::State {
  explicit State(const fs::path& path) : files(path) {}

  struct Source {
    explicit Source(std::shared_ptr<const MaskPatterns> patterns) : masker(std::move(patterns)) {}
    Masker masker;
    std::string partial;  ///< a line whose newline has not come
  };

  Files files;
  WriterOptions options;
  Fd log, index;
  std::vector<Source> sources;  ///< one for each Stream
  std::string bytes_waiting, records_waiting;
  std::uint64_t log_written = 0;  ///< in the file; bytes_waiting comes after
  std::uint64_t index_written = 0;
  Header header;
  bool closed = false;

  std::uint64_t log_end() const { return log_written + bytes_waiting.size(); }
  std::uint64_t index_end() const { return index_written + records_waiting.size(); }

  void take(Stream stream, std::string_view bytes, Instant now);
  void add_line(Stream stream, std::string_view text, bool continued, Instant now);
  void end_stream(Stream stream, Instant now);
  void mark_limit(Instant now);
  void store(Stream stream, std::string_view text, bool continued, Instant now);
  void flush();
};

// Splits masked bytes into lines.
void Writer::State::take(Stream stream, std::string_view bytes, Instant now) {
  std::string& partial = sources[static_cast<std::size_t>(stream)].partial;
  const std::size_t longest = options.longest_line;
  while (!bytes.empty()) {
    // Up to `longest` bytes of a line and its newline are looked at; without one it is a piece.
    const std::size_t wanted = std::min(bytes.size(), longest + 1 - partial.size());
    const void* newline = std::memchr(bytes.data(), '\n', wanted);
    if (newline != nullptr) {
      const auto length =
          static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data());
      if (partial.empty()) {
        add_line(stream, bytes.substr(0, length), false, now);
      } else {
        partial.append(bytes.substr(0, length));
        add_line(stream, partial, false, now);
        partial.clear();
      }
      bytes.remove_prefix(length + 1);
      continue;
    }
    partial.append(bytes.substr(0, wanted));
    bytes.remove_prefix(wanted);
    if (partial.size() > longest) {
      const std::size_t cut = piece_size(partial, longest);
      add_line(stream, std::string_view(partial).substr(0, cut), true, now);
      partial.erase(0, cut);
    }
  }
}

void Writer::State::add_line(Stream stream, std::string_view text, bool continued, Instant now) {
  const std::uint64_t kept = log_end() + index_end();
  const std::uint64_t more = text.size() + 1 + record_size;
  if (stream == Stream::platform) {
    if (kept + more <= options.limit + room_for_notes) store(stream, text, continued, now);
    return;
  }
  if (header.limit_reached) return;
  if (kept + more > options.limit) {
    mark_limit(now);
    return;
  }
  store(stream, text, continued, now);
}

void Writer::State::mark_limit(Instant now) {
  header.limit_reached = true;
  store(Stream::platform,
        fmt::format("The log has reached its limit of {} bytes: what the run writes from here on "
                    "is dropped.",
                    options.limit),
        false, now);
  flush();
  const HeaderBytes head = pack(header);
  write_at(index, 0, {head.data(), head.size()}, files.index);
}

void Writer::State::store(Stream stream, std::string_view text, bool continued, Instant now) {
  bytes_waiting.append(text);
  if (!continued) bytes_waiting += '\n';
  const RecordBytes record =
      pack(Record{.end = log_end(), .time = now, .stream = stream, .continued = continued});
  records_waiting.append(record.data(), record.size());
  if (bytes_waiting.size() + records_waiting.size() >= buffer_size) flush();
}

void Writer::State::end_stream(Stream stream, Instant now) {
  Source& source = sources[static_cast<std::size_t>(stream)];
  take(stream, source.masker.finish(), now);
  if (source.partial.empty()) return;
  add_line(stream, source.partial, false, now);
  source.partial.clear();
}

// The bytes first: an index record always names bytes that are there.
void Writer::State::flush() {
  write_at(log, log_written, bytes_waiting, files.log);
  log_written += bytes_waiting.size();
  bytes_waiting.clear();
  crash_point("log.written");
  write_at(index, index_written, records_waiting, files.index);
  index_written += records_waiting.size();
  records_waiting.clear();
  crash_point("log.indexed");
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer::~Writer() = default;

Writer Writer::open(const fs::path& path, const WriterOptions& options) {
  auto state = std::make_unique<State>(path);
  State& s = *state;
  s.options = options;
  s.options.longest_line = std::clamp(options.longest_line, shortest_piece, longest_line_ever - 1);
  const auto patterns = std::make_shared<const MaskPatterns>(options.masked);
  s.options.masked.clear();
  for (int i = 0; i < 3; ++i) s.sources.emplace_back(patterns);

  if (path.has_parent_path()) make_folder(path.parent_path(), 0750);
  if (fs::exists(s.files.packed_index)) {
    throw Failure("Cannot write the log " + path.string() +
                  ": it is finished and compressed already.");
  }
  s.index = open_file(s.files.index, O_RDWR | O_CREAT);
  if (::flock(s.index.get(), LOCK_EX | LOCK_NB) != 0) {
    throw Failure("Cannot write the log " + path.string() + ": another process is writing it.");
  }
  s.log = open_file(s.files.log, O_RDWR | O_CREAT);

  const std::optional<Extent> extent = whole_extent(s.index, s.log);
  if (!extent && size_of(s.index) >= header_size) {
    throw Failure("Cannot write the log " + path.string() + ": " + s.files.index.string() +
                  " is no index of this version. Move it away to begin a new one.");
  }
  s.header = extent ? extent->header : Header{};
  s.log_written = extent ? extent->bytes : 0;
  s.index_written = header_size + (extent ? extent->lines : 0) * record_size;
  truncate_to(s.log, s.log_written, s.files.log);
  truncate_to(s.index, extent ? s.index_written : 0, s.files.index);
  if (!extent) {
    const HeaderBytes head = pack(s.header);
    write_at(s.index, 0, {head.data(), head.size()}, s.files.index);
  }
  return Writer(std::move(state));
}

void Writer::append(Stream stream, std::string_view bytes, Instant now) {
  State& s = *state_;
  Masker& masker = s.sources[static_cast<std::size_t>(stream)].masker;
  while (!bytes.empty()) {
    const std::string_view slice = bytes.substr(0, slice_size);
    s.take(stream, masker.push(slice), now);
    crash_point("log.masked");
    bytes.remove_prefix(slice.size());
  }
}

void Writer::note(std::string_view text, Instant now) {
  append(Stream::platform, text, now);
  state_->end_stream(Stream::platform, now);
}

void Writer::flush() {
  state_->flush();
}

void Writer::close(Instant now) {
  State& s = *state_;
  if (s.closed) return;
  for (const Stream stream : {Stream::output, Stream::error, Stream::platform}) {
    s.end_stream(stream, now);
  }
  s.flush();
  sync_file(s.log, s.files.log);
  sync_file(s.index, s.files.index);
  const fs::path folder = s.files.log.parent_path();
  sync_folder(folder.empty() ? "." : folder);
  s.closed = true;
}

std::uint64_t Writer::lines() const {
  return (state_->index_end() - header_size) / record_size;
}
std::uint64_t Writer::bytes() const {
  return state_->log_end();
}

}  // namespace cupola::logs
