// Building what was resolved: whole or not there.

#include <chrono>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "deploy/build_box.h"
#include "deploy/environments.h"
#include "deploy/flush.h"
#include "deploy/installer.h"
#include "deploy/resolution.h"
#include "deploy/spent.h"
#include "deploy/ssh_hosts.h"
#include "deploy/work_folder.h"
#include "process/ownership.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_manifest = 64u << 10;

std::int64_t size_of(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && !entry.is_symlink()) {
      bytes += static_cast<std::int64_t>(entry.file_size());
    }
  }
  return bytes;
}

/// Nobody writes to it any more, everybody may read it.
void seal(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / ".lock", ignored);
  if (::geteuid() == 0) {
    if (const auto given = process::give_to(folder, 0); !given) {
      throw Failure(to_text(given.error()));
    }
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_symlink()) continue;
    const bool open = entry.is_directory() ||
                      (entry.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
    ::chmod(entry.path().c_str(), open ? 0555 : 0444);
  }
  ::chmod(folder.c_str(), 0755);
}

}  // namespace

bool Environments::is_there(std::string_view key) const {
  const auto text = read_file(home_.environments() / key / manifest_name, largest_manifest);
  if (!text) return false;
  const auto manifest = parse_json(*text);
  return manifest && manifest->is_object() &&
         text_at(manifest->get_object(), "base") == environments_base(home_, options_);
}

void Environments::touch(std::string_view key) const {
  ::utimensat(AT_FDCWD, (home_.environments() / key / manifest_name).c_str(), nullptr, 0);
}

Result<void> Environments::ensure(const Source& source, LockEntry& entry,
                                  std::string_view fingerprint, const Progress& progress,
                                  const std::stop_token& stop) {
  // Where the same lock lies if something of it has no wheel and must be built.
  const std::string own_key =
      entry.shared ? own_address(entry.key, source.organization) : entry.key;
  for (const std::string& key : {entry.key, own_key}) {
    if (!is_there(key)) continue;
    entry.shared = entry.shared && key == entry.key;
    entry.key = key;
    touch(key);
    return {};
  }

  make_folder(home_.environments(), 0755);
  const auto lock = FileLock::take(home_.environments() / fmt::format(".lock-{}", entry.key), stop);
  if (!lock) {
    return Error{Error::Kind::unavailable, "The server stopped while an environment was awaited.",
                 "It is built when the server is back."};
  }
  if (is_there(entry.key) || is_there(own_key)) {
    return ensure(source, entry, fingerprint, progress, stop);
  }
  const auto start = std::chrono::steady_clock::now();
  progress(fmt::format("building {}", join(entry.names, ", ")));
  Result<void> built;
  if (entry.shared) {
    built = build(source, entry, true, fingerprint, stop);
    if (!built && built.error().kind != Error::Kind::unavailable) {
      entry.shared = false;
      entry.key = own_key;
      built = build(source, entry, false, fingerprint, stop);
    }
  } else {
    built = build(source, entry, false, fingerprint, stop);
  }
  if (!built) {
    progress(built.error().message);
    return built;
  }
  progress(fmt::format("built {} in {}: {}", join(entry.names, ", "), seconds_since(start),
                       entry.key.substr(0, 12)));
  return {};
}

Result<void> Environments::build(const Source& source, const LockEntry& entry, bool wheels_only,
                                 std::string_view fingerprint, const std::stop_token& stop) {
  const auto uv = find_uv(options_.uv);
  if (!uv) return uv.error();
  auto python = pythons_.find(entry.interpreter);
  if (!python) return python.error();

  const TempFolder work = work_folder(home_);
  const bool local = needs_repository(entry.resolution);
  BoxContent content = box_for(source, *python, *uv, work.path(), local);
  // No foreign code ever runs beside the common cache: wheels are only unpacked.
  content.cache = home_.installer_cache() / (wheels_only ? "common" : source.organization.text());
  const bool isolated = is_isolated(options_);
  const fs::path place = home_.environments() / entry.key;
  content.environment = isolated ? fs::path(place).concat(".new") : place;
  content.key = entry.key;
  remove_tree(content.environment);
  const std::string resolution = reveal(entry.resolution, source.secrets);
  add_local_repositories(content, resolution, options_);
  const std::string what = subject(entry.names);
  const auto unread = visit_ssh_hosts(what, resolution, source, home_, options_, stop);
  write_git_settings(work.path(), source, home_.root());
  write_file(work.path() / "lock.txt", resolution, 0600);

  const BuildBox box(home_, options_, content);
  box.prepare();
  const auto call =
      with_hidden_addresses(reveal(entry.options, source.secrets), box_environment(options_));
  const auto step = [&](const BuildBox& in, std::vector<std::string> argv) -> Result<void> {
    const auto output = in.run(argv, call.env, stop);
    if (!output) return output.error();
    if (output->exit.ok()) return {};
    return unread ? *unread : installer_error(what, output->err, source.secrets);
  };
  auto done = step(box, {box.uv(), "venv", "--quiet", "--no-project", "--allow-existing",
                         "--python", python->path.string(), box.environment()});
  if (done) {
    std::vector<std::string> argv = {box.uv(),
                                     "pip",
                                     "install",
                                     "--quiet",
                                     "--no-deps",
                                     "--python",
                                     box.environment() + "/bin/python",
                                     "--requirements",
                                     box.work() + "/lock.txt"};
    if (wheels_only) argv.emplace_back("--no-build");
    argv.insert(argv.end(), call.words.begin(), call.words.end());
    done = step(box, std::move(argv));
  }
  if (done) {
    // Not by uv: it starts the environment's own Python, which runs what a wheel put into a .pth
    // file, beside the cache. This one reads no .pth files, and has neither cache nor network.
    BoxContent alone = content;
    alone.cache.clear();
    alone.repository.clear();
    alone.network = false;
    const BuildBox compiler(home_, options_, alone);
    const auto compiled = compiler.run({python->path.string(), "-I", "-S", "-m", "compileall", "-q",
                                        "-j", "0", compiler.environment() + "/lib"},
                                       {}, stop);
    // Files that are no Python of this version (templates) are reported, and left as they are.
    if (!compiled) done = compiled.error();
  }
  if (!done) {
    remove_tree(content.environment);
    return done;
  }

  crash_point("environment.built");
  write_file(content.environment / ".meltano_plugin_fingerprint", fingerprint);
  const json::object manifest = {{"key", entry.key},
                                 {"base", environments_base(home_, options_)},
                                 {"python", entry.python},
                                 {"interpreter", entry.interpreter},
                                 {"shared", entry.shared},
                                 {"bytes", size_of(content.environment)},
                                 {"built_for", join(entry.names, ", ")},
                                 {"packages", pins(entry.resolution).size()}};
  seal(content.environment);
  flush_to_disk(content.environment);
  crash_point("environment.sealed");
  // The manifest comes last: without it the folder is no environment.
  write_file(content.environment / manifest_name, json::serialize(manifest));
  crash_point("environment.listed");
  ::chmod(content.environment.c_str(), 0555);
  if (isolated) {
    remove_tree(place);
    move_folder(content.environment, place);
    crash_point("environment.moved");
  }
  return {};
}

}  // namespace cupola::deploy
