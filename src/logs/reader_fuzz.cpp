/// Foreign bytes as the files of a log: the reader gives lines or an error, never a crash. The
/// input is one byte that says live or compressed, two for the length of the index, then both
/// files. Compressed ones are also built from the input, so that frames are whole and the table
/// or the records are not.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <stdlib.h>

#include "base/temp_folder.h"
#include "logs/io.h"
#include "logs/reader.h"
#include "logs/record.h"
#include "logs/seekable.h"

namespace {

using namespace cupola::logs;
namespace fs = std::filesystem;

const fs::path& folder() {
  const fs::path memory = "/dev/shm";
  static const cupola::TempFolder made("cupola-reader-fuzz",
                                       fs::is_directory(memory) ? memory : fs::path());
  return made.path();
}

void put(const fs::path& path, std::string_view bytes) {
  const cupola::Fd fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  write_at(fd, 0, bytes, path);
}

void pack_whole(const fs::path& from, const fs::path& to) {
  const cupola::Fd fd = open_file(from, O_RDONLY);
  pack_file(fd, size_of(fd), from, to);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const unsigned kind = data[0] % 3;
  const std::size_t index_size = data[1] + 256u * data[2];
  std::string index(input.substr(3, index_size));
  const std::string_view log = input.substr(std::min(size, 3 + index_size));
  if ((data[0] & 0x80) != 0) {  // let it get past the head
    const HeaderBytes head = cupola::logs::pack(Header{});
    index.insert(0, head.data(), head.size());
  }

  const fs::path path = folder() / "log";
  const Files files(path);
  cupola::logs::remove(path);
  put(kind == 1 ? files.packed_index : files.index, index);
  put(kind == 1 ? files.packed_log : files.log, log);
  if (kind == 2) {
    pack_whole(files.index, files.packed_index);
    pack_whole(files.log, files.packed_log);
  }
  const cupola::Result<Reader> reader = Reader::open(path);
  if (!reader) return 0;
  const std::uint64_t lines = reader->lines();
  for (const std::uint64_t from : {std::uint64_t{0}, lines / 2, lines - 1, lines}) {
    if (reader->read(from, 100, 1u << 16).size() > 100) std::abort();
  }
  return 0;
}
