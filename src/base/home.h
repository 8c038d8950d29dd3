#pragma once

/// Where things lie in the folder of a server (`--home`). Only names: nothing is made here.

#include <filesystem>

#include "base/id.h"

namespace cupola {

class Home {
 public:
  explicit Home(std::filesystem::path root) : root_(std::move(root)) {}

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
    return this->release(release) / "deploy.log";
  }
  /// Plugin environments by content address; mounted at `environments_inside` in sandboxes.
  std::filesystem::path environments() const { return root_ / "environments"; }
  /// uv's cache, on the same file system as the environments, so that files are linked.
  std::filesystem::path installer_cache() const { return root_ / "cache" / "uv"; }
  /// What `annotations: cupola: persist:` names, for each deployment.
  std::filesystem::path persisted(const DeploymentKey& deployment) const {
    return root_ / "persisted" / deployment.text();
  }
  /// The work folder of a run while it is open.
  std::filesystem::path runs() const { return root_ / "runs"; }
  std::filesystem::path run(const RunId& run) const { return runs() / run.text(); }
  /// Path without ending of a run's log files (logs/writer.h): spread over 4,096 folders by the
  /// random end of the id.
  std::filesystem::path log(const RunId& run) const {
    const auto& id = run.text();
    return root_ / "logs" / id.substr(id.size() < 3 ? 0 : id.size() - 3) / id;
  }

 private:
  std::filesystem::path root_;
};

/// Where sandboxes see the environments: scripts in them name this path.
inline constexpr const char* environments_inside = "/environments";

}  // namespace cupola
