#include "runner/folder.h"

#include <cerrno>
#include <charconv>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/id.h"
#include "process/ownership.h"
#include "supervisor/spec.h"

namespace cupola::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_name = 200;

/// What runs leave in persisted folders is nobody's on the disk, whatever their uid is: were it
/// root's, a run could leave a program there that makes its caller root.
constexpr unsigned persisted_owner = 65534;

/// Meltano's own format for machines, one JSON object a line on standard error.
constexpr std::string_view log_config = R"(version: 1
disable_existing_loggers: false
formatters: {json: {(): meltano.core.logging.json_formatter}}
handlers: {console: {class: logging.StreamHandler, level: INFO, formatter: json, stream: 'ext://sys.stderr'}}
root: {level: INFO, propagate: true, handlers: [console]}
)";

/// Everything in the private copy may be written by the run, whoever owns it.
void make_open_folder(const fs::path& path) {
  make_folder(path, 0777);
  fs::permissions(path, fs::perms::all);
}

void check(const Result<void>& done) {
  if (!done) throw Failure(to_text(done.error()));
}

/// Each folder from below `top` down to `top / relative`.
void make_open_folders(const fs::path& top, const fs::path& relative) {
  fs::path path = top;
  for (const fs::path& part : relative.lexically_normal()) {
    if (part.empty() || part == ".") continue;
    path /= part;
    make_open_folder(path);
  }
}

void link_environments(const fs::path& system_folder, const store::ReleaseContent& content,
                       const std::string& environments) {
  for (const auto& environment : content.environments) {
    const fs::path folder = system_folder / environment.type / environment.directory_name;
    make_open_folders(system_folder, fs::path(environment.type) / environment.directory_name);
    fs::create_symlink(environments + "/" + environment.key, folder / "venv");
  }
}

std::vector<process::Bind> environment_binds(const Home& home,
                                             const store::ReleaseContent& content) {
  std::vector<process::Bind> binds;
  const auto add = [&](const std::string& key) {
    const fs::path inside = fs::path(environments_inside) / key;
    for (const auto& bind : binds) {
      if (bind.to == inside) return;
    }
    binds.push_back({.from = home.environments() / key, .to = inside});
  };
  add(content.meltano_environment);
  for (const auto& environment : content.environments) add(environment.key);
  for (const auto& path : content.read_only_paths) binds.push_back({.from = path, .to = path});
  return binds;
}

/// One name for a whole path, so that nothing on the way to a persisted folder can be written by a
/// run: a link laid there would lead this server, which may be root, wherever the run wants.
std::string name_of(std::string_view path) {
  std::string name;
  for (const char c : path) {
    if (c == '/') {
      name += "%2F";
    } else if (c == '%') {
      name += "%25";
    } else {
      name += c;
    }
  }
  return name.size() <= longest_name ? name : sha256_hex(path);
}

}  // namespace

PreparedFolder prepare_folder(const Home& home, const store::Run& run,
                              const store::ReleaseContent& content, const process::Support& support,
                              std::optional<unsigned> uid) {
  PreparedFolder prepared{.folder = home.run(run.id), .states = home.run(run.id) / "state"};
  const fs::path& folder = prepared.folder;
  const fs::path checkout = home.checkout(*run.release);
  const fs::path directory = fs::path(content.directory).lexically_normal();
  const bool isolated = support.kind != process::SandboxKind::none;
  remove_tree(folder);
  make_folder(folder, 0700);
  make_open_folder(prepared.states);

  // The run's own layer over the checkout; where there is no overlay, its copy is made there.
  const fs::path own = own_layer(home, run.id);
  make_open_folder(own);
  prepared.layout = {.project = (isolated ? fs::path("/repository") / directory : own / directory)
                                    .lexically_normal()
                                    .string(),
                     .state = isolated ? "/state" : prepared.states.string(),
                     .scratch = isolated ? "/home/run" : (folder / "home").string(),
                     .environments = isolated ? environments_inside : home.environments().string(),
                     .secrets = isolated ? "/run/secrets" : (folder / "secrets").string()};
  while (prepared.layout.project.size() > 1 && prepared.layout.project.ends_with('/'))
    prepared.layout.project.pop_back();
  prepared.layout.log_config = prepared.layout.project + "/.meltano/cupola-logging.yaml";
  make_open_folder(folder / "home");

  make_open_folders(own, directory / ".meltano");
  write_file(own / directory / ".meltano" / "cupola-logging.yaml", log_config, 0644,
             Lasting::while_up);
  link_environments(own / directory / ".meltano", content, prepared.layout.environments);

  process::Sandbox& sandbox = prepared.sandbox;
  sandbox.wanted = isolated;
  sandbox.folder = prepared.layout.project;
  sandbox.uid = uid;
  sandbox.overlay = {.lower = checkout, .upper = own, .work = folder / "work", .to = "/repository"};
  if (isolated) {
    sandbox.binds.push_back({.from = prepared.states, .to = "/state", .writable = true});
    sandbox.binds.push_back({.from = folder / "home", .to = "/home/run", .writable = true});
    sandbox.links.push_back({.target = prepared.layout.project, .at = "/project"});
    for (auto& bind : environment_binds(home, content)) sandbox.binds.push_back(std::move(bind));
  }

  for (const std::string& path : content.persist) {
    const fs::path kept = persisted_folder(home, run.deployment, path);
    make_open_folder(kept);
    if (uid && ::lchown(kept.c_str(), persisted_owner, persisted_owner) != 0) {
      throw Failure("Cannot change the owner of " + kept.string() + ": " + system_text(errno));
    }
    if (isolated) {
      make_open_folders(own, directory / path);
      sandbox.binds.push_back({.from = kept,
                               .to = fs::path(prepared.layout.project) / path,
                               .writable = true,
                               .as_own = true});
    } else {
      make_open_folders(own, (directory / path).parent_path());
      fs::create_directory_symlink(kept, own / directory / path);
    }
  }
  if (uid) {
    check(process::give_to(own, *uid));
    check(process::give_to(folder / "home", *uid));
  }
  return prepared;
}

fs::path own_layer(const Home& home, const RunId& run) {
  return home.run(run) / "upper";
}

fs::path persisted_folder(const Home& home, const DeploymentKey& deployment,
                          std::string_view path) {
  return home.persisted(deployment) / name_of(path);
}

std::string write_start(const fs::path& folder, int attempt) {
  std::string start = fmt::format("{} {}", attempt, new_uuid7());
  write_file(supervisor::start_file(folder), start, 0600, Lasting::while_up);
  return start;
}

std::optional<int> attempt_in(const fs::path& folder) {
  const auto start = read_file(supervisor::start_file(folder), 256);
  if (!start) return std::nullopt;
  int attempt = 0;
  const auto read = std::from_chars(start->data(), start->data() + start->size(), attempt);
  return read.ec == std::errc{} ? std::optional(attempt) : std::nullopt;
}

std::optional<unsigned> owner_of(const fs::path& folder) {
  struct ::stat status {};
  if (::stat((folder / "state").c_str(), &status) != 0) return std::nullopt;
  return status.st_uid;
}

}  // namespace cupola::runner
