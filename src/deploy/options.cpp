#include "deploy/options.h"

#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "process/program.h"

namespace cupola::deploy {

namespace fs = std::filesystem;

Result<fs::path> find_uv(const fs::path& given) {
  const std::string hint =
      "Install uv (`pip install uv`, or its own installer) and see that it is on the PATH of the "
      "server, or name the program with --uv or CUPOLA_UV.";
  if (!given.empty()) {
    if (::access(given.c_str(), X_OK) == 0) return fs::canonical(given);
    return Error{Error::Kind::not_found,
                 fmt::format("There is no program uv at {}.", given.string()), hint};
  }
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const fs::path& path : {here / "uv", here.parent_path() / "tools" / "bin" / "uv"}) {
    if (::access(path.c_str(), X_OK) == 0) return fs::canonical(path);
  }
  const char* path = std::getenv("PATH");
  if (const auto found = process::find_program("uv", path == nullptr ? "" : path)) {
    return fs::canonical(*found);
  }
  return Error{Error::Kind::not_found,
               "The program uv, which builds plugin environments, is not installed.", hint};
}

}  // namespace cupola::deploy
