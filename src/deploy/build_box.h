#pragma once

/// Where installers run: a sandbox that holds nothing of the server but one environment that is
/// being built, a cache, a work folder, and where needed a throw-away copy of the repository.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/home.h"
#include "deploy/options.h"
#include "process/control_group.h"
#include "process/sandbox.h"

namespace cupola::deploy {

/// What one box has. Paths of the host; empty: not there.
struct BoxContent {
  std::filesystem::path uv;
  std::filesystem::path cache;                   ///< writable
  std::filesystem::path work;                    ///< writable, HOME
  std::filesystem::path environment;             ///< writable, seen at its constant path
  std::string key;                               ///< of the environment
  std::filesystem::path repository;              ///< a copy that the build may write to
  std::string directory = ".";                   ///< of the project in it
  std::vector<std::filesystem::path> read_only;  ///< seen where they are
  std::vector<std::string> environments;         ///< keys of complete ones, seen at their places
  bool network = true;
  std::string search_path;                ///< "/a/bin:" before the system's folders
  std::string program = "The installer";  ///< for messages: what runs there
};

class BuildBox {
 public:
  /// As the host allows: without a sandbox the paths are the real ones.
  BuildBox(const Home& home, const Options& options, BoxContent content);

  /// Makes the writable folders and gives them to the user that builds. Throws Failure.
  void prepare() const;

  // As seen inside.
  std::string uv() const;
  std::string work() const;
  std::string environment() const;

  /// Runs `argv` in the project, else in the work folder. `on_line` as for process::run. Errors:
  /// unavailable (time-out; stopped; a program is missing), too_large (a limit of the build).
  Result<process::Output> run(const std::vector<std::string>& argv,
                              const std::map<std::string, std::string>& env,
                              const std::stop_token& stop,
                              const std::function<void(std::string_view line)>& on_line = {}) const;

 private:
  std::string inside(const std::filesystem::path& constant) const;
  /// Gives the program its limits; the group is to live until it ends.
  std::optional<process::ControlGroup> limit(process::Program& program) const;
  bool disk_is_over() const;

  const Options& options_;
  BoxContent content_;
  process::Sandbox sandbox_;
  bool isolated_;
};

/// Whether installers are isolated on this machine.
bool is_isolated(const Options& options);

/// The folder under which environments lie when they are used: a constant one, or the real one
/// where there is no sandbox. Part of their address, as scripts in them name it.
std::string environments_base(const Home& home, const Options& options);

/// What installers get besides what they are given: helper_environment, with pip's names for
/// indexes, proxies and certificates turned into uv's.
std::map<std::string, std::string> installer_environment();

/// Files and folders of the host that `installer_environment` names: certificates, folders of
/// wheels.
std::vector<std::filesystem::path> named_paths(const std::map<std::string, std::string>& env);

}  // namespace cupola::deploy
