#include "logs/seekable.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <zstd.h>

#include "base/outcome.h"
#include "logs/io.h"
#include "logs/source.h"

namespace cupola::logs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t skippable_magic = 0x184D2A5E;
constexpr std::uint32_t table_magic = 0x8F92EAB1;
constexpr std::size_t footer_size = 9;
constexpr std::size_t skippable_header_size = 8;
constexpr std::uint32_t most_frames = 1u << 22;  // 512 GiB of content
constexpr int level = 3;

struct ContextFree {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

void put32(std::string& to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to += static_cast<char>(value >> (8 * i));
}

std::uint32_t get32(const char* from) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  }
  return value;
}

/// Where each frame begins, in the file and in the content, and where the last one ends.
struct Place {
  std::uint64_t packed = 0;
  std::uint64_t content = 0;
};

/// Empty when the end of the file is no table, or one that cannot be true.
std::optional<std::vector<Place>> read_places(const Fd& fd) {
  const std::uint64_t file_size = size_of(fd);
  char footer[footer_size];
  if (file_size < footer_size + skippable_header_size ||
      read_at(fd, file_size - footer_size, footer, footer_size) != footer_size ||
      get32(footer + 5) != table_magic || (footer[4] & 0x7c) != 0) {
    return std::nullopt;
  }
  const std::uint32_t count = get32(footer);
  const std::size_t entry_size = (footer[4] & 0x80) != 0 ? 12 : 8;  // with a checksum or without
  const std::uint64_t table_size = std::uint64_t{count} * entry_size + footer_size;
  if (count > most_frames || table_size + skippable_header_size > file_size) return std::nullopt;

  std::string table(table_size + skippable_header_size, '\0');
  const std::uint64_t table_at = file_size - table.size();
  if (read_at(fd, table_at, table.data(), table.size()) != table.size() ||
      get32(table.data()) != skippable_magic || get32(table.data() + 4) != table_size) {
    return std::nullopt;
  }
  std::vector<Place> places(std::size_t{count} + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const char* entry = table.data() + skippable_header_size + i * entry_size;
    const std::uint32_t packed = get32(entry);
    const std::uint32_t content = get32(entry + 4);
    if (content > largest_frame_content || packed > ZSTD_compressBound(largest_frame_content)) {
      return std::nullopt;
    }
    places[i + 1] = {places[i].packed + packed, places[i].content + content};
  }
  if (places.back().packed != table_at) return std::nullopt;
  return places;
}

class SeekableSource : public Source {
 public:
  SeekableSource(Fd fd, std::vector<Place> places)
      : fd_(std::move(fd)), places_(std::move(places)), context_(ZSTD_createDCtx()) {
    if (!context_) throw Failure("Cannot make a zstd context: out of memory.");
  }

  std::uint64_t size() const override { return places_.back().content; }

  std::size_t read(std::uint64_t offset, char* to, std::size_t size) override {
    std::size_t done = 0;
    while (done < size && offset < this->size()) {
      const auto after =
          std::upper_bound(places_.begin(), places_.end(), offset,
                           [](std::uint64_t at, const Place& place) { return at < place.content; });
      const auto frame = static_cast<std::size_t>(after - places_.begin()) - 1;
      if (!load(frame)) return done;
      const auto from = static_cast<std::size_t>(offset - places_[frame].content);
      const std::size_t count = std::min(size - done, content_.size() - from);
      std::memcpy(to + done, content_.data() + from, count);
      done += count;
      offset += count;
    }
    return done;
  }

 private:
  bool load(std::size_t frame) {
    if (loaded_ == frame) return true;
    loaded_.reset();
    packed_.resize(places_[frame + 1].packed - places_[frame].packed);
    content_.resize(places_[frame + 1].content - places_[frame].content);
    if (read_at(fd_, places_[frame].packed, packed_.data(), packed_.size()) != packed_.size()) {
      return false;
    }
    const std::size_t count = ZSTD_decompressDCtx(context_.get(), content_.data(), content_.size(),
                                                  packed_.data(), packed_.size());
    if (ZSTD_isError(count) != 0 || count != content_.size()) return false;
    loaded_ = frame;
    return true;
  }

  Fd fd_;
  std::vector<Place> places_;
  std::unique_ptr<ZSTD_DCtx, ContextFree> context_;
  std::optional<std::size_t> loaded_;  ///< the frame whose bytes content_ holds
  std::string packed_, content_;
};

class FileSource : public Source {
 public:
  explicit FileSource(Fd fd) : fd_(std::move(fd)) {}
  std::uint64_t size() const override { return size_of(fd_); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t size) override {
    return read_at(fd_, offset, to, size);
  }

 private:
  Fd fd_;
};

}  // namespace

std::unique_ptr<Source> file_source(Fd fd) {
  return std::make_unique<FileSource>(std::move(fd));
}

Result<std::unique_ptr<Source>> seekable_source(Fd fd, const fs::path& path) {
  std::optional<std::vector<Place>> places = read_places(fd);
  if (!places) {
    return Error{Error::Kind::malformed,
                 "The log file " + path.string() + " is damaged: it has no valid seek table.",
                 "`zstd -d` may still bring back its beginning."};
  }
  std::unique_ptr<Source> source =
      std::make_unique<SeekableSource>(std::move(fd), std::move(*places));
  return source;
}

std::string seek_table(const std::vector<Frame>& frames) {
  std::string table;
  put32(table, skippable_magic);
  put32(table, static_cast<std::uint32_t>(frames.size() * 8 + footer_size));
  for (const Frame& frame : frames) {
    put32(table, frame.packed);
    put32(table, frame.content);
  }
  put32(table, static_cast<std::uint32_t>(frames.size()));
  table += '\0';  // descriptor: entries without checksums, for the frames have their own
  put32(table, table_magic);
  return table;
}

void pack_file(const Fd& from, std::uint64_t size, const fs::path& from_path,
               const fs::path& to_path) {
  const std::unique_ptr<ZSTD_CCtx, ContextFree> context(ZSTD_createCCtx());
  if (!context) throw Failure("Cannot make a zstd context: out of memory.");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);

  const Fd to = open_file(to_path, O_WRONLY | O_CREAT | O_TRUNC);
  std::string content(frame_content, '\0');
  std::string packed(ZSTD_compressBound(frame_content), '\0');
  std::vector<Frame> frames;
  std::uint64_t written = 0;
  for (std::uint64_t done = 0; done < size;) {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(content.size(), size - done));
    if (read_at(from, done, content.data(), count) != count) {
      throw Failure("Cannot compress the log file " + from_path.string() +
                    ": it could not be read to its end.");
    }
    const std::size_t result =
        ZSTD_compress2(context.get(), packed.data(), packed.size(), content.data(), count);
    if (ZSTD_isError(result) != 0) {
      throw Failure("Cannot compress the log file " + from_path.string() + ": " +
                    ZSTD_getErrorName(result) + ".");
    }
    write_at(to, written, std::string_view(packed).substr(0, result), to_path);
    frames.push_back({static_cast<std::uint32_t>(result), static_cast<std::uint32_t>(count)});
    written += result;
    done += count;
  }
  write_at(to, written, seek_table(frames), to_path);
  sync_file(to, to_path);
}

}  // namespace cupola::logs
