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

}  // namespace cupola::deploy
