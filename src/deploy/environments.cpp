#include "deploy/environments.h"

#include <chrono>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"
#include "deploy/build_box.h"
#include "deploy/deploy_log.h"
#include "deploy/installer.h"
#include "deploy/requirement.h"
#include "deploy/resolution.h"
#include "deploy/spent.h"
#include "deploy/ssh_hosts.h"
#include "deploy/tree_digest.h"
#include "deploy/work_folder.h"
#include "meltano/requirements.h"
#include "meltano/variables.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_lock = 8 << 20;

/// Changes with the way in which environments are built: older ones are not taken for new ones.
constexpr std::string_view recipe = "cupola environment 1";

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
  const TempFolder work = work_folder(home_);
  const bool local = !asked->requirement.local.empty() || !asked->requirement.files.empty();
  BoxContent content = box_for(source, asked->python, *uv, work.path(), local);
  content.cache = home_.installer_cache() / source.organization.text();
  const std::string lines = join(asked->requirement.lines, "\n") + "\n";
  add_local_repositories(content, lines, options_);
  const auto unread = visit_ssh_hosts(subject(wanted.names), lines, source, home_, options_, stop);
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
    if (unread) return *unread;
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

}  // namespace cupola::deploy
