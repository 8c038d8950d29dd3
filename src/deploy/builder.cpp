#include "deploy/builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "deploy/contested.h"
#include "deploy/meltano_version.h"
#include "deploy/specifier.h"
#include "meltano/dotenv.h"
#include "store/secret_names.h"

namespace cupola::deploy {
namespace {

constexpr std::size_t largest_dotenv = 256 * 1024;

/// The version of meltano in a resolution.
std::string meltano_version_in(std::string_view resolution) {
  for (const auto& pin : pins(resolution)) {
    if (pin.starts_with("meltano==")) {
      const auto version = std::string_view(pin).substr(9);
      return std::string(trim(version.substr(0, version.find_first_of(" ;"))));
    }
  }
  return "";
}

std::string supported() {
  return fmt::format("This Cupola runs meltano {} and newer, {} unless a project asks for another.",
                     oldest_meltano, pinned_meltano);
}

Wanted wanted_meltano(std::string_view required) {
  // What cannot be read here (pre-releases) is the resolver's to decide.
  const bool pinned_fits = fits(pinned_meltano, required).value_or(false);
  return {.names = {meltano_name},
          .pip_url = pinned_fits ? fmt::format("meltano=={}", pinned_meltano)
                                 : fmt::format("'meltano{}'", required)};
}

Result<void> check_meltano(std::string_view version, std::string_view required) {
  const auto order = compare_versions(version, oldest_meltano);
  if (order && *order < 0) {
    return Error{Error::Kind::invalid,
                 fmt::format("`requires_meltano: {}` gives meltano {}, which is too old.", required,
                             version),
                 supported() + " Widen `requires_meltano` in meltano.yml."};
  }
  return {};
}

/// The lock entry for `wanted`: one that this release has already, one that is known, or a new one.
Result<std::optional<LockEntry>> find_entry(Environments& environments, const Source& source,
                                            const Wanted& wanted, const Lock& here,
                                            const Lock& before, bool refresh, bool only_known,
                                            const Progress& progress, const std::stop_token& stop) {
  auto known = environments.known(source, wanted, here);
  if (!known || *known) return known;
  if (only_known && !refresh) return environments.known(source, wanted, before);
  auto entry = environments.freeze(source, wanted, before, refresh, progress, stop);
  if (!entry) return entry.error();
  return std::optional<LockEntry>(std::move(*entry));
}

void add_entry(Lock& lock, LockEntry entry) {
  const auto same = std::find_if(lock.entries.begin(), lock.entries.end(),
                                 [&](const LockEntry& one) { return one.id == entry.id; });
  if (same == lock.entries.end()) {
    lock.entries.push_back(std::move(entry));
  } else {
    same->names.insert(same->names.end(), entry.names.begin(), entry.names.end());
  }
}

Error joined(const std::vector<Error>& errors) {
  if (errors.size() == 1) return errors.front();
  Error all{errors.front().kind, fmt::format("{} environments cannot be made.", errors.size()),
            errors.front().hint};
  for (const Error& error : errors) all.message += "\n" + error.message;
  return all;
}

/// Enters addresses, fingerprints and what interpreters need into the content.
void fill_in(Environments& environments, Prepared& prepared, const Judged& judged) {
  store::ReleaseContent& content = prepared.content;
  const auto see = [&](const std::string& wanted_python) {
    const auto python = environments.pythons().find(wanted_python);
    if (!python || python->prefix.empty()) return;
    auto& paths = content.read_only_paths;
    const std::string prefix = python->prefix.string();
    if (std::find(paths.begin(), paths.end(), prefix) == paths.end()) paths.push_back(prefix);
  };
  see("");
  for (std::size_t i = 0; i < judged.wanted.size(); ++i) {
    see(judged.wanted[i].python);
    const LockEntry* entry = prepared.lock.find_name(judged.wanted[i].names.front());
    if (entry == nullptr) continue;
    auto place = judged.places[i];
    place.key = entry->key;
    place.fingerprint = environments.fingerprint(judged.wanted[i], content.python);
    prepared.fingerprints.emplace(entry->id, place.fingerprint);
    content.environments.push_back(std::move(place));
  }
  if (const LockEntry* entry = prepared.lock.find_name(meltano_name)) {
    content.meltano_environment = entry->key;
    content.meltano_version = meltano_version_in(entry->resolution);
  }
}

}  // namespace

std::map<std::string, std::string> variables_of(const Source& source) {
  std::map<std::string, std::string> env = source.variables;
  for (const auto& [name, secret] : source.secrets) {
    if (name != store::git_ssh_key_name) env[name] = secret.reveal();
  }
  return env;
}

Judged inspect_checkout(const Source& source, std::string_view environment,
                        std::chrono::milliseconds shortest_interval) {
  const auto inspection = meltano::inspect(source.checkout, source.directory);
  auto env = variables_of(source);
  if (const auto text = read_file_beneath(
          source.checkout, std::filesystem::path(source.directory) / ".env", largest_dotenv)) {
    env.merge(meltano::dotenv_values(meltano::parse_dotenv(*text), env));
  }
  Judged judged = judge(inspection, environment, source.directory, env, shortest_interval);
  add_overruled(judged, inspection.project, source);
  decide_state(judged, inspection.project);
  return judged;
}

Result<Prepared> prepare(Environments& environments, const Source& source, Judged judged,
                         const Lock& before, const Lock& live, bool refresh, bool only_known,
                         const Progress& progress, const std::stop_token& stop) {
  Prepared prepared{.content = std::move(judged.content)};
  const auto base = environments.pythons().find("");
  if (!base) return base.error();
  prepared.content.python = base->path.string();

  std::vector<Error> errors;
  const auto take = [&](const Wanted& wanted) -> const LockEntry* {
    auto entry = find_entry(environments, source, wanted, prepared.lock, before, refresh,
                            only_known, progress, stop);
    const std::string& name = wanted.names.front();
    if (!entry) {
      errors.push_back(entry.error());
      return nullptr;
    }
    const bool is_there = *entry && environments.is_there((*entry)->key);
    prepared.plugins.push_back(compare_plugin(name, live, *entry ? &**entry : nullptr, is_there));
    if (*entry) add_entry(prepared.lock, std::move(**entry));
    return prepared.lock.find_name(name);
  };

  const std::string& required = judged.requires_meltano;
  const LockEntry* meltano = take(wanted_meltano(required));
  if (meltano == nullptr && !errors.empty() && errors.back().kind == Error::Kind::invalid) {
    errors.back().hint = supported();
    if (!required.empty()) {
      errors.back().message =
          fmt::format("`requires_meltano: {}` cannot be met. {}", required, errors.back().message);
    }
  }
  if (meltano != nullptr) {
    if (auto fit = check_meltano(meltano_version_in(meltano->resolution), required); !fit) {
      errors.push_back(fit.error());
    }
  }
  for (const Wanted& wanted : judged.wanted) take(wanted);
  if (!errors.empty()) return joined(errors);
  fill_in(environments, prepared, judged);
  return prepared;
}

Result<void> build_missing(Environments& environments, const Source& source, Prepared& prepared,
                           const Progress& progress, const std::stop_token& stop) {
  std::vector<Error> errors;
  for (LockEntry& entry : prepared.lock.entries) {
    if (stop.stop_requested()) break;
    auto built =
        environments.ensure(source, entry, prepared.fingerprints[entry.id], progress, stop);
    if (!built) errors.push_back(built.error());
  }
  if (!errors.empty()) return joined(errors);
  store::ReleaseContent& content = prepared.content;
  for (auto& place : content.environments) {
    const LockEntry* entry =
        prepared.lock.find_name(fmt::format("{}/{}", place.type, place.directory_name));
    if (entry != nullptr) place.key = entry->key;
  }
  if (const LockEntry* entry = prepared.lock.find_name(meltano_name)) {
    content.meltano_environment = entry->key;
  }
  return {};
}

}  // namespace cupola::deploy
