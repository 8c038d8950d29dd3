#include "deploy/python.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "deploy/build_box.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr const char* question = R"(
import json, platform, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(),
    "minor": "%d.%d" % sys.version_info[:2],
    "implementation": sys.implementation.name,
    "platform": sysconfig.get_platform() + " " + "".join(platform.libc_ver()),
}))
)";

bool is_version(std::string_view text) {
  return !text.empty() && text.front() >= '0' && text.front() <= '9' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

/// "python", "python3", "python3.11", also pypy's names.
bool is_python_name(std::string_view name) {
  for (const std::string_view stem : {"python", "pypy"}) {
    if (name.starts_with(stem)) {
      const auto rest = name.substr(stem.size());
      return rest.empty() || is_version(rest);
    }
  }
  return false;
}

bool has_library(const fs::path& prefix) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(prefix / "lib", ignored)) {
    const std::string name = entry.path().filename();
    if (is_python_name(name) && fs::exists(entry.path() / "os.py", ignored)) return true;
  }
  return false;
}

/// Where the program really is and what of the disk it needs; nothing when it is no installed
/// Python. A project names the path: so no other folder of the machine may come into its sandbox.
struct Place {
  fs::path program;
  fs::path prefix;
};
std::optional<Place> examine(const fs::path& path, const fs::path& home) {
  std::error_code error;
  const fs::path program = fs::canonical(path, error);
  if (error || !fs::is_regular_file(program, error) || ::access(program.c_str(), X_OK) != 0) {
    return std::nullopt;
  }
  if (!is_python_name(program.filename().string())) return std::nullopt;
  const auto relative = program.lexically_relative(fs::weakly_canonical(home, error));
  if (!relative.empty() && *relative.begin() != "..") return std::nullopt;
  if (program.string().starts_with("/usr/")) return Place{program, {}};
  const fs::path prefix = program.parent_path().parent_path();
  if (prefix == "/" || !has_library(prefix)) return std::nullopt;
  // What has the server's folder in it is shown to nobody.
  const auto within = fs::weakly_canonical(home, error).lexically_relative(prefix);
  if (!within.empty() && *within.begin() != "..") return std::nullopt;
  return Place{program, prefix};
}

std::vector<fs::path> candidates(const std::string& name) {
  std::vector<fs::path> paths = {fs::path("/usr/bin") / name};
  const char* path = std::getenv("PATH");
  for (const auto folder : split(path == nullptr ? "" : path, ':')) {
    if (folder.starts_with('/')) paths.push_back(fs::path(folder) / name);
  }
  return paths;
}

}  // namespace

Result<Interpreter> Pythons::find(std::string_view wanted) {
  std::string name(trim(wanted));
  if (name.empty()) name = "python3";
  if (is_version(name)) name = "python" + name;
  const std::string remedy =
      "Install it on the server (none is fetched), or name another one in `python:` of the plugin "
      "or the project.";
  if (name.find('/') != std::string::npos && !name.starts_with('/')) {
    return Error{Error::Kind::invalid,
                 fmt::format("The Python {} is a path inside the project.", cupola::quoted(name)),
                 "Give a name such as python3.11, or the whole path of an installed Python."};
  }
  if (name.find('/') == std::string::npos && !is_python_name(name)) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is no name of a Python.", cupola::quoted(name)),
                 "Give a name such as python3.11, or the whole path of an installed Python."};
  }
  const auto paths = name.starts_with('/') ? std::vector<fs::path>{name} : candidates(name);
  for (const fs::path& path : paths) {
    if (const auto place = examine(path, home_.root())) return ask(place->program, place->prefix);
  }
  std::error_code ignored;
  if (name.starts_with('/') && fs::exists(name, ignored)) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is no Python that runs may use.", cupola::quoted(name)),
                 "It must be a program named python…, installed with its library in ../lib, and "
                 "outside the server's home folder."};
  }
  return Error{Error::Kind::not_found,
               fmt::format("There is no Python {} on this server.", cupola::quoted(name)), remedy};
}

Result<Interpreter> Pythons::ask(const fs::path& program, fs::path prefix) {
  struct ::stat info {};
  ::stat(program.c_str(), &info);
  const std::string id = fmt::format("{}:{}:{}", program.string(), info.st_ino, info.st_mtime);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
  }
  BoxContent content;
  content.network = false;
  if (!prefix.empty()) content.read_only.push_back(prefix);
  const BuildBox box(home_, options_, content);
  const auto output = box.run({program.string(), "-I", "-S", "-c", question}, {}, {});
  if (!output) return output.error();
  const auto answer = parse_json(output->out);
  if (!output->exit.ok() || !answer || !answer->is_object()) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} does not work as a Python: {}", program.string(),
                             cupola::quoted(trim(output->err))),
                 "Mend or replace it on the server, or name another one in `python:`."};
  }
  const json::object& object = answer->get_object();
  Interpreter found{.path = program,
                    .version = text_at(object, "version"),
                    .minor = text_at(object, "minor"),
                    .implementation = text_at(object, "implementation"),
                    .platform = text_at(object, "platform"),
                    .prefix = std::move(prefix)};
  const std::lock_guard lock(mutex_);
  return known_.insert_or_assign(id, std::move(found)).first->second;
}

}  // namespace cupola::deploy
