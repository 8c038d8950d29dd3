#include "logs/reader.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <fcntl.h>

#include "logs/record.h"
#include "logs/source.h"

namespace cupola::logs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t records_at_once = 4096;
constexpr std::size_t text_at_once = 256u << 10;
constexpr std::string_view unreadable = "[This line cannot be read: the log file is damaged.]";

Fd open_to_read(const fs::path& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

struct Pair {
  std::unique_ptr<Source> index, log;
};

/// Empty when the files are not there.
Result<std::optional<Pair>> open_packed(const Files& files) {
  Fd index = open_to_read(files.packed_index);
  Fd log = open_to_read(files.packed_log);
  if (!index || !log) return std::optional<Pair>{};
  Result<std::unique_ptr<Source>> index_source =
      seekable_source(std::move(index), files.packed_index);
  if (!index_source) return index_source.error();
  Result<std::unique_ptr<Source>> log_source = seekable_source(std::move(log), files.packed_log);
  if (!log_source) return log_source.error();
  return std::optional<Pair>{{std::move(*index_source), std::move(*log_source)}};
}

std::optional<Pair> open_live(const Files& files) {
  Fd index = open_to_read(files.index);
  Fd log = open_to_read(files.log);
  if (!index || !log) return std::nullopt;
  return Pair{file_source(std::move(index)), file_source(std::move(log))};
}

/// Text of lines that follow each other, read in larger pieces.
class TextWindow {
 public:
  explicit TextWindow(Source& log) : log_(log) {}

  /// Empty when the bytes are not all there.
  std::optional<std::string> text(std::uint64_t begin, std::uint64_t end) {
    const auto size = static_cast<std::size_t>(end - begin);
    if (begin < begin_ || end > begin_ + window_.size()) {
      window_.resize(std::max(size, text_at_once));
      window_.resize(log_.read(begin, window_.data(), window_.size()));
      begin_ = begin;
      if (window_.size() < size) return std::nullopt;
    }
    return window_.substr(static_cast<std::size_t>(begin - begin_), size);
  }

 private:
  Source& log_;
  std::uint64_t begin_ = 0;
  std::string window_;
};

}  // namespace

struct Reader::State {
  Pair files;

  std::uint64_t lines() const {
    const std::uint64_t size = files.index->size();
    return size < header_size ? 0 : (size - header_size) / record_size;
  }
  /// Fewer than asked for where the index cannot be read.
  std::vector<std::optional<Record>> records(std::uint64_t from, std::uint64_t count) const;
};

std::vector<std::optional<Record>> Reader::State::records(std::uint64_t from,
                                                          std::uint64_t count) const {
  std::string bytes(static_cast<std::size_t>(count) * record_size, '\0');
  bytes.resize(files.index->read(header_size + from * record_size, bytes.data(), bytes.size()));
  std::vector<std::optional<Record>> records;
  for (std::size_t at = 0; at + record_size <= bytes.size(); at += record_size) {
    records.push_back(unpack(bytes.data() + at));
  }
  records.resize(static_cast<std::size_t>(count));
  return records;
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const fs::path& path) {
  const Files files(path);
  auto state = std::make_unique<State>();
  // A log that is just being compressed may move from one form to the other between two looks.
  for (int attempt = 0; attempt < 3 && !state->files.index; ++attempt) {
    Result<std::optional<Pair>> packed = open_packed(files);
    if (!packed) return packed.error();
    if (!*packed) *packed = open_live(files);
    if (*packed) state->files = std::move(**packed);
  }
  if (!state->files.index) {
    return Error{Error::Kind::not_found, "There is no log at " + path.string() + "."};
  }
  HeaderBytes head{};
  if (state->files.index->size() >= header_size &&
      (state->files.index->read(0, head.data(), head.size()) != head.size() ||
       !unpack_header(head.data()))) {
    return Error{Error::Kind::malformed, "The index of the log " + path.string() +
                                             " is damaged, or of a later version of Cupola."};
  }
  return Reader(std::move(state));
}

std::uint64_t Reader::lines() const {
  return state_->lines();
}

std::vector<Line> Reader::read(std::uint64_t from, std::size_t most, std::size_t bytes) const {
  std::vector<Line> lines;
  const std::uint64_t total = state_->lines();
  TextWindow window(*state_->files.log);
  std::size_t taken = 0;
  while (from < total && lines.size() < most && (lines.empty() || taken < bytes)) {
    const std::uint64_t count =
        std::min<std::uint64_t>({records_at_once, total - from, most - lines.size()});
    // With the record before: a line begins where the one before ends.
    const std::uint64_t first = from == 0 ? 0 : from - 1;
    const std::vector<std::optional<Record>> records = state_->records(first, from + count - first);
    const auto skipped = static_cast<std::size_t>(from - first);
    for (std::size_t i = 0; i < count && (lines.empty() || taken < bytes); ++i, ++from) {
      const std::optional<Record> before = from == 0 ? Record{} : records[i + skipped - 1];
      const std::optional<Record>& record = records[i + skipped];
      Line line{.number = from, .stream = Stream::platform, .text = std::string(unreadable)};
      if (record) line.time = record->time;
      if (before && record && record->end > before->end &&
          record->end - before->end <= longest_line_ever) {
        std::optional<std::string> text = window.text(before->end, record->end);
        if (text && !record->continued) text->pop_back();
        if (text) {
          line.stream = record->stream;
          line.continued = record->continued;
          line.text = std::move(*text);
        }
      }
      taken += line.text.size();
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

}  // namespace cupola::logs
