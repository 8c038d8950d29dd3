#pragma once

/// Where things lie in the folder of a server (`--home`), and in those that servers share. Only
/// names: nothing is made here.

#include <filesystem>
#include <utility>

#include "base/id.h"

namespace cupola {

class Home {
 public:
  /// `logs` is the log store, `kept` the place of what outlives runs, where servers on several
  /// machines share them; both are in the folder otherwise.
  explicit Home(std::filesystem::path root, std::filesystem::path logs = {},
                std::filesystem::path kept = {})
      : root_(std::move(root)),
        logs_(logs.empty() ? root_ / "logs" : std::move(logs)),
        kept_(kept.empty() ? root_ / "persisted" : std::move(kept)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path database() const { return root_ / "cupola.db"; }
  std::filesystem::path key() const { return root_ / "key"; }
  /// Held locked by the server, so that two cannot use one folder at once.
  std::filesystem::path lock() const { return root_ / "lock"; }
  /// Rewritten each second by a server that shares its database.
  std::filesystem::path sign_of_life() const { return root_ / "sign-of-life"; }
  /// A bare mirror of each repository.
  std::filesystem::path repository(const ProjectKey& project) const {
    return root_ / "repositories" / (project.text() + ".git");
  }
  std::filesystem::path releases() const { return root_ / "releases"; }
  std::filesystem::path release(const ReleaseKey& release) const {
    return releases() / release.text();
  }
  /// The sealed tree of the release's commit.
  std::filesystem::path checkout(const ReleaseKey& release) const {
    return this->release(release) / "checkout";
  }
  std::filesystem::path deploy_log(const ReleaseKey& release) const {
    return logs_ / "deploys" / (release.text() + ".log");
  }
  /// Plugin environments by content address; mounted at `environments_inside` in sandboxes.
  std::filesystem::path environments() const { return root_ / "environments"; }
  /// uv's cache, on the same file system as the environments, so that files are linked.
  std::filesystem::path installer_cache() const { return root_ / "cache" / "uv"; }
  /// What `annotations: cupola: persist:` names, for each deployment.
  const std::filesystem::path& persisted() const { return kept_; }
  std::filesystem::path persisted(const DeploymentKey& deployment) const {
    return kept_ / deployment.text();
  }
  /// The work folder of a run while it is open.
  std::filesystem::path runs() const { return root_ / "runs"; }
  std::filesystem::path run(const RunId& run) const { return runs() / run.text(); }
  /// The log store: logs of runs and of deploys.
  const std::filesystem::path& logs() const { return logs_; }
  /// Path without ending of a run's log files (logs/writer.h): spread over 4,096 folders by the
  /// random end of the id.
  std::filesystem::path log(const RunId& run) const {
    const auto& id = run.text();
    return logs_ / id.substr(id.size() < 3 ? 0 : id.size() - 3) / id;
  }
  /// Files that the run's project asked to keep, beside its log, in a folder for each attempt.
  std::filesystem::path artifacts(const RunId& run) const {
    return std::filesystem::path(log(run)).concat(".artifacts");
  }

 private:
  std::filesystem::path root_;
  std::filesystem::path logs_;
  std::filesystem::path kept_;
};

/// Where sandboxes see the environments: scripts in them name this path.
inline constexpr const char* environments_inside = "/environments";

}  // namespace cupola
