#pragma once

/// What an operator decides about deploying.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/outcome.h"
#include "secrets/source.h"

namespace cupola::deploy {

/// Of the building of one environment; 0: none.
struct BuildLimits {
  std::int64_t memory = 0;        ///< bytes
  std::int64_t processes = 4096;  ///< threads too
  std::int64_t disk = 0;          ///< bytes written
};

struct Options {
  std::string worker = "server";  ///< names this server in leases; the same after a restart
  std::filesystem::path uv;       ///< empty: looked for by `find_uv`
  bool allow_local_repositories = false;
  bool sandbox = true;         ///< installers run foreign code: false is for trusted projects only
  unsigned build_uid = 60599;  ///< host uid of installers, where the server is root
  BuildLimits limits;
  /// Releases with a schedule whose fires come closer together are refused; 0: none are.
  std::chrono::milliseconds shortest_interval{0};
  secrets::Options secret_sources;  ///< where values of secrets may be fetched from
  std::chrono::milliseconds lease{std::chrono::seconds{20}};
  std::chrono::milliseconds git_timeout{std::chrono::minutes{10}};
  std::chrono::milliseconds install_timeout{std::chrono::minutes{30}};  ///< of one environment
};

/// The program uv: `given` if it is not empty, else beside this program, in `tools/bin` of the
/// folder above it (where a build has it), else on the PATH. Errors: not_found, with what to
/// install.
Result<std::filesystem::path> find_uv(const std::filesystem::path& given);

}  // namespace cupola::deploy
