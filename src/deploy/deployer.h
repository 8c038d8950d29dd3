#pragma once

/// Turns queued releases into live ones: fetch, check out, judge, plan, build, switch over.
///
/// Nothing of the live release is touched before the last step, which is one transaction; so a
/// deploy that fails, or is killed at any instant, leaves it as it was. One that was killed is
/// taken up again, by this server or another, when its lease has ended. Mechanism:
/// docs/design/deploy.md.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/home.h"
#include "base/outcome.h"
#include "db/database.h"
#include "deploy/options.h"
#include "deploy/plan.h"
#include "store/deployments.h"
#include "store/projects.h"
#include "store/vault.h"

namespace cupola::deploy {

struct Job;
struct Workshop;

struct Dependencies {
  db::Database& database;
  const store::Vault& vault;
  const Clock& clock;
  Home home;
};

class Deployer {
 public:
  /// `on_end` is told of each release that went live or failed: the scheduler has schedules to
  /// plan then, and followers of the log an end to see.
  Deployer(Dependencies dependencies, Options options,
           std::function<void(const store::Release&)> on_end = {});
  ~Deployer();

  /// Builds the oldest release that waits, if one does; for a Loop. Gives zero after work, else how
  /// long until there may be some: a release whose builder died. Throws Failure when the database
  /// is gone; the release is taken up again then.
  std::optional<std::chrono::milliseconds> step();

  /// Ends a build in progress (from any thread): its release is free at once for the next server
  /// or the next start.
  void stop();

  /// What an update of the deployment would change: fetches, checks out and judges, but builds and
  /// resolves nothing, except to see what `refresh` would move. From any thread. Errors: as a
  /// release's reason for failing; faults of the project are in the plan.
  Result<Plan> plan_update(const store::Deployment& deployment, bool refresh);

  /// Makes sure that the release's checkout is on this machine, from git where it is not; builds
  /// nothing. From any thread.
  Result<void> ensure_checkout(const store::Release& release);

  /// Makes sure that checkout and environments of the release are on this machine, from git and
  /// lock where they are not. Quick when they are. From any thread.
  Result<void> ensure_files(const store::Release& release);

 private:
  Result<void> build(Job& job);
  Result<void> go_live(Job& job);
  bool went_live(const store::Release& release);

  std::unique_ptr<Workshop> shop_;
  std::function<void(const store::Release&)> on_end_;
};

}  // namespace cupola::deploy
