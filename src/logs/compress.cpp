#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/files.h"
#include "logs/io.h"
#include "logs/record.h"
#include "logs/seekable.h"
#include "logs/writer.h"

namespace cupola::logs {
namespace {

namespace fs = std::filesystem;

fs::path unfinished(const fs::path& path) {
  return path.string() + ".tmp";
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void move_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw Failure("Cannot rename " + from.string() + " to " + to.string() + ": " +
                  system_text(errno) + ".");
  }
}

void remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    throw Failure("Cannot remove " + path.string() + ": " + system_text(errno) + ".");
  }
}

}  // namespace

void compress(const fs::path& path) {
  const Files files(path);
  // The compressed index comes into being last: where it is, the compressed log is whole.
  if (!fs::exists(files.packed_index)) {
    const Fd index = open_file(files.index, O_RDONLY);
    if (::flock(index.get(), LOCK_EX | LOCK_NB) != 0) {
      throw Failure("Cannot compress the log " + path.string() + ": a process still writes it.");
    }
    const Fd log = open_file(files.log, O_RDONLY);
    const std::optional<Extent> extent = whole_extent(index, log);
    if (!extent) {
      throw Failure("Cannot compress the log " + path.string() + ": " + files.index.string() +
                    " is damaged at its beginning.");
    }
    const std::uint64_t index_size = header_size + extent->lines * record_size;
    crash_point("log.compressing");
    pack_file(log, extent->bytes, files.log, unfinished(files.packed_log));
    pack_file(index, index_size, files.index, unfinished(files.packed_index));
    crash_point("log.packed");
    move_file(unfinished(files.packed_log), files.packed_log);
    crash_point("log.half_renamed");
    move_file(unfinished(files.packed_index), files.packed_index);
    sync_folder(folder_of(path));
    crash_point("log.compressed");
  }
  remove_file(files.index);
  crash_point("log.plain_removed");
  remove_file(files.log);
}

void remove(const fs::path& path) {
  const Files files(path);
  for (const fs::path& file : {files.index, files.log, files.packed_index, files.packed_log,
                               unfinished(files.packed_index), unfinished(files.packed_log)}) {
    remove_file(file);
  }
}

}  // namespace cupola::logs
