#include "deploy/environments.h"

#include <algorithm>
#include <chrono>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/digest.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "deploy/build_box.h"
#include "deploy/deploy_log.h"
#include "deploy/flush.h"
#include "deploy/installer.h"
#include "deploy/requirement.h"
#include "deploy/tree_digest.h"
#include "deploy/work_folder.h"
#include "git/address.h"
#include "meltano/requirements.h"
#include "meltano/variables.h"
#include "process/ownership.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

/// Changes with the way in which environments are built: older ones are not taken for new ones.
constexpr std::string_view recipe = "cupola environment 1";

constexpr std::size_t largest_lock = 8 << 20;

std::string subject(const std::vector<std::string>& names) {
  if (names.empty()) return "The plugin";
  const std::string& first = names.front();
  const auto slash = first.find('/');
  if (slash == std::string::npos) return first;
  return fmt::format("The plugin {} ({})", first.substr(slash + 1), first.substr(0, slash));
}

/// Secrets in words with an address, as variables again. A secret elsewhere cannot be in a
/// resolution: there are names, versions and hashes only.
std::string hide(std::string_view text, const std::map<std::string, Secret>& secrets) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(text, '\n')) {
    lines.push_back(line.find("://") == std::string_view::npos ? std::string(line)
                                                               : masked(line, secrets));
  }
  return join(lines, "\n");
}

std::string reveal(std::string_view text, const std::map<std::string, Secret>& secrets) {
  std::string result(text);
  for (const auto& [name, secret] : secrets) {
    const std::string shown = fmt::format("${{{}}}", name);
    for (auto at = result.find(shown); at != std::string::npos;
         at = result.find(shown, at + secret.reveal().size())) {
      result.replace(at, shown.size(), secret.reveal());
    }
  }
  return result;
}

std::vector<std::string> reveal(std::vector<std::string> texts,
                                const std::map<std::string, Secret>& secrets) {
  for (auto& text : texts) text = reveal(text, secrets);
  return texts;
}

bool needs_repository(std::string_view resolution) {
  for (const auto& pin : pins(resolution)) {
    if (pin.starts_with("-e") || pin.starts_with('.') || pin.starts_with('/') ||
        pin.find("file:") != std::string::npos || pin.find(" @ ./") != std::string::npos ||
        (pin.find('/') != std::string::npos && pin.find("://") == std::string::npos)) {
      return true;
    }
  }
  return false;
}

/// Local repositories that git dependencies name, where the operator allows them.
void add_local_repositories(BoxContent& box, std::string_view text, const Options& options) {
  if (!options.allow_local_repositories) return;
  for (auto at = text.find("git+file://"); at != std::string_view::npos;
       at = text.find("git+file://", at + 1)) {
    std::string_view path = text.substr(at + 11);
    path = path.substr(0, path.find_first_of("@#' \"\n\\"));
    const fs::path folder = fs::path(path).lexically_normal();
    std::error_code ignored;
    if (folder.is_absolute() &&
        (fs::exists(folder / ".git", ignored) || fs::exists(folder / "HEAD", ignored))) {
      box.read_only.push_back(folder);
    }
  }
}

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

/// The address of what only one organization may use.
std::string own_address(std::string_view shared_key, const OrganizationKey& organization) {
  return sha256_hex(fmt::format("{} only for {}", shared_key, organization.text())).substr(0, 40);
}

std::string seconds_since(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> span = std::chrono::steady_clock::now() - start;
  return fmt::format("{:.1f} s", span.count());
}

}  // namespace

/// A request worked out so far that its resolution can be looked up.
struct Environments::Asked {
  LockEntry entry;  ///< without resolution and key
  Requirement requirement;
  Interpreter python;
  std::string content;  ///< digest of what it names in the repository; empty: nothing
};

Result<Environments::Asked> Environments::ask(const Source& source, const Wanted& wanted) {
  auto python = pythons_.find(wanted.python);
  if (!python) {
    Error error = python.error();
    error.message = fmt::format("{}: {}", subject(wanted.names), error.message);
    return error;
  }
  auto values = wanted.values;
  values["MELTANO__PYTHON_VERSION"] = python->minor;
  const auto expanded = meltano::variables::expand(wanted.pip_url, values);
  if (!expanded.unset.empty()) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} has a pip_url with a variable that has no value: {}.",
                             subject(wanted.names), join(expanded.unset, ", ")),
                 "Give it in `env:` of meltano.yml, or store it as a secret of the project."};
  }
  auto requirement = parse_requirement(expanded.text);
  if (!requirement) {
    return Error{requirement.error().kind,
                 fmt::format("{}: {}", subject(wanted.names), requirement.error().message),
                 requirement.error().hint};
  }

  Asked asked{.requirement = std::move(*requirement), .python = *python};
  std::string content;
  for (const auto& local : asked.requirement.local) {
    if (local.starts_with('/')) {
      // Inside a sandbox the repository lies at /repository.
      return Error{Error::Kind::invalid,
                   fmt::format("{} names {}, a path of the machine.", subject(wanted.names),
                               cupola::quoted(local)),
                   "Name a path inside the repository, such as ./plugins/tap-x."};
    }
    auto digest =
        tree_digest(source.checkout, (fs::path(source.directory) / local).lexically_normal());
    if (!digest) {
      return Error{digest.error().kind,
                   fmt::format("{}: {}", subject(wanted.names), digest.error().message),
                   digest.error().hint};
    }
    content += *digest;
  }
  for (const auto& file : asked.requirement.files) {
    auto digest = requirements_digest(source.checkout,
                                      (fs::path(source.directory) / file).lexically_normal());
    if (!digest) {
      return Error{digest.error().kind,
                   fmt::format("{}: {}", subject(wanted.names), digest.error().message),
                   digest.error().hint};
    }
    content += *digest;
  }
  asked.content = content.empty() ? "" : sha256_hex(content);

  Sha256 id;
  id.add(fmt::format("{}\n{}\n{}\n", wanted.pip_url, python->path.string(), python->minor));
  for (const auto& name : expanded.used) {
    // A new token does not make another request; another value of a plain variable does.
    if (!source.secrets.contains(name)) id.add(fmt::format("{}={}\n", name, values[name]));
  }
  id.add(asked.content);
  asked.entry = {.id = id.hex(),
                 .names = wanted.names,
                 .pip_url = wanted.pip_url,
                 .python = python->version,
                 .interpreter = python->path.string()};
  for (const auto& option : asked.requirement.options) {
    asked.entry.options.push_back(masked(option, source.secrets));
  }
  return asked;
}

std::string Environments::address(const LockEntry& entry, const Source& source,
                                  std::string_view content, bool shared) const {
  Sha256 sum;
  sum.add(fmt::format("{}\n{}\n{}\n{}\n", recipe, environments_base(home_, options_), entry.python,
                      entry.interpreter));
  sum.add(entry.resolution);
  for (const auto& option : entry.options) sum.add(option + "\n");
  sum.add(content);
  const std::string key = sum.hex().substr(0, 40);
  return shared ? key : own_address(key, source.organization);
}

Result<std::optional<LockEntry>> Environments::known(const Source& source, const Wanted& wanted,
                                                     const Lock& before) {
  auto asked = ask(source, wanted);
  if (!asked) return asked.error();
  const LockEntry* old = before.find(asked->entry.id);
  if (old == nullptr) return std::optional<LockEntry>{};
  LockEntry entry = *old;
  entry.names = wanted.names;
  entry.key = address(entry, source, asked->content, entry.shared);
  return std::optional<LockEntry>{std::move(entry)};
}

Result<LockEntry> Environments::freeze(const Source& source, const Wanted& wanted,
                                       const Lock& before, bool refresh, const Progress& progress,
                                       const std::stop_token& stop) {
  auto asked = ask(source, wanted);
  if (!asked) return asked.error();
  LockEntry entry = std::move(asked->entry);
  if (const LockEntry* old = before.find(entry.id); old != nullptr && !refresh) {
    entry.resolution = old->resolution;
    entry.shared = old->shared;
    entry.key = address(entry, source, asked->content, entry.shared);
    return entry;
  }

  const auto uv = find_uv(options_.uv);
  if (!uv) return uv.error();
  const auto start = std::chrono::steady_clock::now();
  const WorkFolder work(home_);
  const bool local = !asked->requirement.local.empty() || !asked->requirement.files.empty();
  BoxContent content = box_for(source, asked->python, *uv, work.path(), local);
  content.cache = home_.installer_cache() / source.organization.text();
  const std::string lines = join(asked->requirement.lines, "\n") + "\n";
  add_local_repositories(content, lines, options_);
  write_git_settings(work.path(), source, home_.root());
  // Requirement files count from their own folder, so this one lies in the project's.
  const fs::path input =
      (local ? content.repository / source.directory : work.path()) / ".cupola-requirements.in";
  write_file(input, lines, 0644);
  const std::string previous = [&] {
    for (const auto& name : wanted.names) {
      const LockEntry* old = refresh ? nullptr : before.find_name(name);
      if (old != nullptr && old->interpreter == entry.interpreter) return old->resolution;
    }
    return std::string();
  }();
  if (!previous.empty()) {
    // uv keeps versions that stand in the output file.
    write_file(work.path() / "lock.txt", reveal(previous, source.secrets), 0644);
  }
  const BuildBox box(home_, options_, content);
  box.prepare();
  std::vector<std::string> argv = {box.uv(),
                                   "pip",
                                   "compile",
                                   "--quiet",
                                   "--generate-hashes",
                                   "--no-header",
                                   "--no-annotate",
                                   "--python",
                                   asked->python.path.string(),
                                   "--output-file",
                                   box.work() + "/lock.txt"};
  const auto call = with_hidden_addresses(asked->requirement.options, box_environment(options_));
  argv.insert(argv.end(), call.words.begin(), call.words.end());
  argv.insert(argv.end(),
              {"--", local ? ".cupola-requirements.in" : box.work() + "/.cupola-requirements.in"});
  const auto output = box.run(argv, call.env, stop);
  if (!output) return output.error();
  if (!output->exit.ok()) {
    progress(output->err);
    return installer_error(subject(wanted.names), output->err, source.secrets);
  }
  const auto resolution = read_file_beneath(work.path(), "lock.txt", largest_lock);
  if (!resolution) return resolution.error();
  entry.resolution = hide(*resolution, source.secrets);
  entry.shared = asked->requirement.index_only;
  entry.key = address(entry, source, asked->content, entry.shared);
  progress(fmt::format("resolved {} to {} packages in {}", join(wanted.names, ", "),
                       pins(entry.resolution).size(), seconds_since(start)));
  return entry;
}

std::string Environments::fingerprint(const Wanted& wanted, const fs::path& base) {
  const auto python = pythons_.find(wanted.python);
  if (!python) return "";
  auto values = wanted.values;
  values["MELTANO__PYTHON_VERSION"] = python->minor;
  const auto text = meltano::fingerprint(meltano::variables::expand(wanted.pip_url, values).text,
                                         python->path == base ? "" : wanted.python);
  return text.value_or("");
}

bool Environments::is_there(std::string_view key) const {
  const auto text = read_file(home_.environments() / key / manifest_name, largest_lock);
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

  const WorkFolder work(home_);
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
  write_git_settings(work.path(), source, home_.root());
  write_file(work.path() / "lock.txt", resolution, 0600);

  const BuildBox box(home_, options_, content);
  box.prepare();
  const std::string what = subject(entry.names);
  const auto call =
      with_hidden_addresses(reveal(entry.options, source.secrets), box_environment(options_));
  const auto step = [&](const BuildBox& in, std::vector<std::string> argv) -> Result<void> {
    const auto output = in.run(argv, call.env, stop);
    if (!output) return output.error();
    if (!output->exit.ok()) return installer_error(what, output->err, source.secrets);
    return {};
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
    std::error_code error;
    fs::rename(content.environment, place, error);
    if (error) {
      throw Failure(
          fmt::format("cannot move the environment to {}: {}", place.string(), error.message()));
    }
    crash_point("environment.moved");
  }
  return {};
}

}  // namespace cupola::deploy
