#include "process/launch_command.h"

#include <cerrno>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/outcome.h"
#include "process/launch.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;

/// What glibc keeps from programs with more rights than their caller, and why: these variables
/// would run the caller's code, or write files, inside bwrap.
bool steers_the_loader(const std::string& name) {
  static const std::set<std::string> names = {
      "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES",   "LOCALDOMAIN",     "LOCPATH",
      "NIS_PATH",   "NLSPATH",     "RES_OPTIONS",    "MALLOC_CHECK_", "RESOLV_HOST_CONF"};
  return name.starts_with("LD_") || name.starts_with("MALLOC_") || names.contains(name);
}

fs::path launcher_path() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path folder = program.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    const bool is_place = folder == program.parent_path() || fs::exists(folder / "CMakeCache.txt");
    if (is_place && fs::exists(folder / "cupola-launch", error)) return folder / "cupola-launch";
  }
  return program.parent_path() / "cupola-launch";
}

}  // namespace

Result<Fd> open_launcher() {
  static const fs::path path = launcher_path();
  Fd launcher(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (launcher) return launcher;
  return Error{Error::Kind::not_found,
               fmt::format("Cannot open the program {}, the last step into a sandbox: {}.",
                           path.string(), system_text(errno)),
               "It belongs beside cupola: install both."};
}

std::vector<std::string> launch_words(const Fd& launcher, const LaunchOrders& orders) {
  const std::string number = std::to_string(launcher.get());
  std::vector<std::string> words = {"/proc/self/fd/" + number, "--close", number};
  if (orders.uid) words.insert(words.end(), {"--uid", std::to_string(*orders.uid)});
  if (orders.report >= 0) words.insert(words.end(), {"--report", std::to_string(orders.report)});
  if (orders.dies_with_parent)
    words.insert(words.end(), {"--with-parent", std::to_string(::getpid())});
  for (const auto& limit : orders.limits) {
    words.insert(words.end(), {"--limit", fmt::format("{}:{}", limit.resource, limit.value)});
  }
  words.emplace_back("--");
  return words;
}

std::map<std::string, std::string> late_environment(const std::map<std::string, std::string>& env) {
  std::map<std::string, std::string> late;
  for (const auto& [name, value] : env) {
    const bool is_late = steers_the_loader(name) || name.starts_with(late_prefix);
    late.emplace(is_late ? std::string(late_prefix) + name : name, value);
  }
  return late;
}

}  // namespace cupola::process
