#pragma once

/// Plugin environments: resolved once, built once, shared by content.
///
/// An environment's address is a hash over the interpreter, the frozen resolution (with the hashes
/// of packages and the commits of git dependencies) and the content of what lies in the repository.
/// It is shared between organizations only if all of it came as wheels from the operator's index,
/// so that no foreign code had a hand in it; else the organization is part of its address.
/// Mechanism: docs/design/deploy.md.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/home.h"
#include "base/id.h"
#include "base/secret.h"
#include "deploy/lock.h"
#include "deploy/options.h"
#include "deploy/python.h"

namespace cupola::deploy {

/// Where an environment comes from: a checkout, and who owns it.
struct Source {
  std::filesystem::path checkout;
  std::string directory = ".";  ///< of the project in it
  OrganizationKey organization;
  std::string repository;                        ///< address; GIT_TOKEN is offered to its host
  std::map<std::string, Secret> secrets;         ///< of the deployment
  std::map<std::string, std::string> variables;  ///< of the deployment, that may be read
};

/// What is to be installed.
struct Wanted {
  std::vector<std::string> names;             ///< "extractors/tap-jsonl"
  std::string pip_url;                        ///< as written
  std::map<std::string, std::string> values;  ///< of variables in it, secrets among them
  std::string python;                         ///< as written
};

/// Tells a person how it goes on.
using Progress = std::function<void(std::string_view line)>;

class Environments {
 public:
  Environments(Home home, const Options& options)
      : home_(std::move(home)), options_(options), pythons_(home_, options_) {}

  /// The entry for `wanted`: that of `before` when it asked for the same, else resolved now
  /// (versions that `before` has for the same plugin stay where they can, unless `refresh`).
  /// Errors: invalid (cannot be resolved, in the resolver's words; bad pip_url or path), not_found
  /// (no such Python, no uv), unavailable (no network, time-out).
  Result<LockEntry> freeze(const Source& source, const Wanted& wanted, const Lock& before,
                           bool refresh, const Progress& progress, const std::stop_token& stop);

  /// As `freeze`, but only looked up: empty where it would have to be resolved.
  Result<std::optional<LockEntry>> known(const Source& source, const Wanted& wanted,
                                         const Lock& before);

  /// Builds the environment of the entry unless it is there, and sets `key` and `shared` to what it
  /// became. Two that build the same wait for one another; one that was killed is built anew.
  Result<void> ensure(const Source& source, LockEntry& entry, std::string_view fingerprint,
                      const Progress& progress, const std::stop_token& stop);

  /// What official Meltano would write to .meltano_plugin_fingerprint; `base` is meltano's own
  /// interpreter. Empty when `freeze` fails too.
  std::string fingerprint(const Wanted& wanted, const std::filesystem::path& base);

  /// Whether it is complete on this machine and made for the way in which this server shows it.
  bool is_there(std::string_view key) const;
  /// Notes that it is used, for `remove_unused_environments`.
  void touch(std::string_view key) const;

  Pythons& pythons() { return pythons_; }

 private:
  struct Asked;
  Result<Asked> ask(const Source& source, const Wanted& wanted);
  Result<void> build(const Source& source, const LockEntry& entry, bool wheels_only,
                     std::string_view fingerprint, const std::stop_token& stop);
  std::string address(const LockEntry& entry, const Source& source, std::string_view content,
                      bool shared) const;

  Home home_;
  const Options& options_;
  Pythons pythons_;
};

/// The file that makes a folder of Home::environments a complete environment.
inline constexpr const char* manifest_name = "cupola.json";

}  // namespace cupola::deploy
