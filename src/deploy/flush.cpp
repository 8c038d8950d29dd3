#include "deploy/flush.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/files.h"

namespace cupola::deploy {

void flush_to_disk(const std::filesystem::path& folder) {
  const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::syncfs(opened.get()) != 0) {
    throw Failure(
        fmt::format("cannot write {} to the disk: {}", folder.string(), system_text(errno)));
  }
}

void move_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) {
    throw Failure(
        fmt::format("cannot move {} to {}: {}", from.string(), to.string(), error.message()));
  }
}

}  // namespace cupola::deploy
