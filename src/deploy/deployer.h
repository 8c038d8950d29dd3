#pragma once

/// Turns queued releases into live ones: fetch, check out, judge, plan, build, switch over. One
/// that would be what is live already ends as unchanged, unless it was forced or is of a commit
/// that was asked for.
///
/// Nothing of the live release is touched before the last step, which is one transaction; so a
/// deploy that fails, or is killed at any instant, leaves it as it was. One that was killed is
/// taken up again, by this server or another, when its lease has ended. Mechanism:
/// docs/design/deploy.md.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

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

class DeployLog;
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

  /// What a deploy of it would change: fetches, checks out and judges, but builds and resolves
  /// nothing, except to see what `refresh` would move. The deployment need not be kept: one with an
  /// empty key is one that is not made yet. From any thread. Errors: as a release's reason for
  /// failing; faults of the project are in the plan.
  Result<Plan> plan(const store::Deployment& deployment, bool refresh);

  /// Makes sure that the release's checkout is on this machine, from git where it is not; builds
  /// nothing. From any thread.
  Result<void> ensure_checkout(const store::Release& release);

  /// Makes sure that checkout and environments of the release are on this machine, from git and
  /// lock where they are not. Quick when they are. From any thread.
  Result<void> ensure_files(const store::Release& release);

 private:
  /// What came out of a build: something to switch over to, or what is live already.
  enum class Built { ready, as_live };
  Result<Built> build(Job& job);
  Result<void> go_live(Job& job);
  Result<Built> work_on(const store::Release& release, Job& job, DeployLog& log,
                        std::stop_source& lost);
  void give_back(const store::Release& release);
  void conclude(const store::Release& release, const Job& job, const Result<Built>& result,
                DeployLog* log, std::string_view spent);
  bool went_live(const store::Release& release);

  std::unique_ptr<Workshop> shop_;
  std::function<void(const store::Release&)> on_end_;
};

}  // namespace cupola::deploy
