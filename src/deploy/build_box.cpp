#include "deploy/build_box.h"

#include <atomic>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "base/time.h"
#include "process/disk_use.h"
#include "process/ownership.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr const char* uv_inside = "/uv";
constexpr const char* cache_inside = "/cache";
constexpr const char* work_inside = "/build";
constexpr const char* repository_inside = "/repository";

bool is_below(const fs::path& path, const fs::path& top) {
  const auto relative = path.lexically_normal().lexically_relative(top);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

bool is_isolated(const Options& options) {
  return process::effective_kind({.wanted = options.sandbox}, process::sandbox_support()) !=
         process::SandboxKind::none;
}

std::string environments_base(const Home& home, const Options& options) {
  return is_isolated(options) ? environments_inside : home.environments().string();
}

BuildBox::BuildBox(const Home& home, const Options& options, BoxContent content)
    : options_(options), content_(std::move(content)), isolated_(is_isolated(options)) {
  sandbox_.wanted = options.sandbox;
  sandbox_.network = content_.network;
  const auto bind = [&](const fs::path& from, const fs::path& to, bool writable) {
    if (!from.empty()) sandbox_.binds.push_back({.from = from, .to = to, .writable = writable});
  };
  for (const fs::path& path : content_.read_only) {
    // The system is there already; the server's own folder never is.
    if (is_below(path, "/usr") || is_below(path, home.root()) || is_below(home.root(), path)) {
      continue;
    }
    bind(path, path, false);
  }
  bind(content_.uv, uv_inside, false);
  bind(content_.cache, cache_inside, true);
  bind(content_.work, work_inside, true);
  if (!content_.environment.empty()) {
    bind(content_.environment, fs::path(environments_inside) / content_.key, true);
  }
  for (const std::string& key : content_.environments) {
    bind(home.environments() / key, fs::path(environments_inside) / key, false);
  }
  bind(content_.repository, repository_inside, true);
  const fs::path folder = content_.repository.empty()
                              ? fs::path(content_.work.empty() ? "/" : work_inside)
                              : fs::path(repository_inside) / content_.directory;
  sandbox_.folder = folder.lexically_normal();
  // Outside a sandbox another user could not reach the server's folder.
  if (isolated_ && process::sandbox_support().kind == process::SandboxKind::root) {
    sandbox_.uid = options.build_uid;
  }
}

void BuildBox::prepare() const {
  for (const fs::path& path :
       {content_.cache, content_.work, content_.environment, content_.repository}) {
    if (path.empty()) continue;
    make_folder(path);
    if (!sandbox_.uid) continue;
    // The cache is large and belongs to the builder since it was made: its top alone is looked at.
    if (path == content_.cache) {
      if (::lchown(path.c_str(), *sandbox_.uid, *sandbox_.uid) != 0) {
        throw Failure(fmt::format("cannot give {} to the user {} that builds environments: {}",
                                  path.string(), *sandbox_.uid, system_text(errno)));
      }
    } else if (const auto given = process::give_to(path, *sandbox_.uid); !given) {
      throw Failure(to_text(given.error()));
    }
  }
}

std::string BuildBox::inside(const fs::path& constant) const {
  return isolated_ ? constant.string() : process::host_path(sandbox_, constant).string();
}

std::string BuildBox::uv() const {
  return inside(uv_inside);
}
std::string BuildBox::work() const {
  return inside(work_inside);
}
std::string BuildBox::environment() const {
  return inside(fs::path(environments_inside) / content_.key);
}

std::optional<process::ControlGroup> BuildBox::limit(process::Program& program) const {
  const BuildLimits& limits = options_.limits;
  program.limits.push_back({RLIMIT_CORE, 0});
  if (limits.processes > 0 && sandbox_.uid) {
    program.limits.push_back({RLIMIT_NPROC, static_cast<std::uint64_t>(limits.processes)});
  }
  if (limits.memory <= 0) return std::nullopt;
  static std::atomic<unsigned> count = 0;
  auto group =
      process::ControlGroup::make(fmt::format("build-{}-{}", ::getpid(), ++count),
                                  {.memory = limits.memory, .processes = limits.processes});
  if (!group) {
    program.limits.push_back({RLIMIT_DATA, static_cast<std::uint64_t>(limits.memory)});
    return std::nullopt;
  }
  program.control_groups = group->process_files();
  return std::optional(*std::move(group));
}

/// The cache is shared and kept: what it grew by cannot be told from what others put there.
bool BuildBox::disk_is_over() const {
  if (options_.limits.disk <= 0) return false;
  std::int64_t used = 0;
  for (const fs::path& path : {content_.work, content_.environment, content_.repository}) {
    if (!path.empty()) used += process::disk_use(path);
  }
  return used > options_.limits.disk;
}

Result<process::Output> BuildBox::run(
    const std::vector<std::string>& argv, const std::map<std::string, std::string>& env,
    const std::stop_token& stop, const std::function<void(std::string_view line)>& on_line) const {
  process::Program program;
  program.argv = argv;
  program.env = env;
  program.env["PATH"] = content_.search_path + "/usr/local/bin:/usr/bin:/bin";
  program.env["LC_ALL"] = "C.UTF-8";
  if (!content_.work.empty()) {
    program.env["HOME"] = work();
    if (!isolated_) program.env["TMPDIR"] = work();
  }
  if (!content_.cache.empty()) program.env["UV_CACHE_DIR"] = inside(cache_inside);
  const auto group = limit(program);
  auto boxed = process::sandboxed(program, sandbox_, process::sandbox_support());
  bool is_disk_over = false;
  const process::Limits limits{.timeout = options_.install_timeout, .may_go_on = [&] {
                                 is_disk_over = disk_is_over();
                                 return !is_disk_over;
                               }};
  auto output = process::run(boxed, limits, {}, on_line, stop);
  if (!output) return output;
  if (is_disk_over) {
    return Error{
        Error::Kind::too_large,
        fmt::format("{} wrote more than {} MiB.", content_.program, options_.limits.disk >> 20),
        "See what the plugin brings along; the limit is --build-disk."};
  }
  if (group && group->usage().out_of_memory) {
    return Error{
        Error::Kind::too_large,
        fmt::format("{} ran out of memory: it was killed at {} of {} MiB.", content_.program,
                    group->usage().peak_memory >> 20, options_.limits.memory >> 20),
        "See what the plugin builds; the limit is --build-memory."};
  }
  if (output->exit.stopped) {
    return Error{Error::Kind::unavailable, "The server stopped while an environment was built.",
                 "It is built when the server is back."};
  }
  if (output->exit.timed_out) {
    return Error{Error::Kind::unavailable,
                 fmt::format("{} did not end within {}.", content_.program,
                             cupola::to_text(options_.install_timeout)),
                 "See whether the package index can be reached, and what the plugin builds."};
  }
  return output;
}

std::map<std::string, std::string> installer_environment() {
  auto env = process::helper_environment("/");
  constexpr std::pair<const char*, const char*> names[] = {
      {"PIP_INDEX_URL", "UV_DEFAULT_INDEX"},    {"PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL"},
      {"PIP_FIND_LINKS", "UV_FIND_LINKS"},      {"PIP_NO_INDEX", "UV_NO_INDEX"},
      {"PIP_TRUSTED_HOST", "UV_INSECURE_HOST"}, {"PIP_CERT", "SSL_CERT_FILE"},
      {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}};
  for (const auto& [pip, uv] : names) {
    const auto given = env.find(pip);
    if (given == env.end() || given->second.empty() || env.contains(uv)) continue;
    if (std::string_view(uv) == "UV_DEFAULT_INDEX" && env.contains("UV_INDEX_URL")) continue;
    env[uv] = given->second;
  }
  env["UV_PYTHON_DOWNLOADS"] = "never";
  env["UV_NO_CONFIG"] = "1";
  env["UV_NO_PROGRESS"] = "1";
  env["UV_LINK_MODE"] = "copy";
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GIT_LFS_SKIP_SMUDGE"] = "1";
  return env;
}

std::vector<fs::path> named_paths(const std::map<std::string, std::string>& env) {
  std::vector<fs::path> paths;
  const auto add = [&](std::string_view text) {
    if (text.starts_with("file://")) text.remove_prefix(7);
    std::error_code ignored;
    if (text.starts_with('/') && text.size() > 1 && fs::exists(text, ignored))
      paths.emplace_back(text);
  };
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                           "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "PIP_CERT"}) {
    if (const auto found = env.find(name); found != env.end()) add(found->second);
  }
  for (const char* name :
       {"UV_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"}) {
    const auto found = env.find(name);
    if (found == env.end()) continue;
    std::string list = found->second;
    for (char& c : list) c = c == ',' ? ' ' : c;
    for (const auto part : split(list, ' ')) add(trim(part));
  }
  return paths;
}

}  // namespace cupola::deploy
