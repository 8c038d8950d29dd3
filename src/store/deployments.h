#pragma once

/// Deployments, and the releases that commits became for them.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

enum class DeploymentStatus { deploying, live, failed, deleted };
std::string_view to_text(DeploymentStatus status);

struct Deployment {
  DeploymentKey key;
  OrganizationKey organization;
  ProjectKey project;
  std::string name;
  std::string slug;
  std::string environment;
  std::string revision;  ///< branch, tag or commit
  DeploymentStatus status = DeploymentStatus::deploying;
  std::optional<ReleaseKey> release;  ///< the live one
  Instant created_at;
  Instant updated_at;
  std::optional<Instant> deleted_at;  ///< its history is kept for a time (store/deletions.h)
};

/// `unchanged`: what was to be deployed is what is live.
enum class ReleaseStatus { queued, building, live, retired, failed, unchanged };
std::string_view to_text(ReleaseStatus status);

struct Release {
  ReleaseKey key;
  OrganizationKey organization;
  ProjectKey project;
  DeploymentKey deployment;
  std::int64_t number = 0;  ///< 1, 2, 3 … within the deployment
  ReleaseStatus status = ReleaseStatus::queued;
  bool refresh_plugins = false;
  bool forced = false;                 ///< built also when nothing changed
  std::optional<std::string> commit;   ///< 40 hex digits, once it is known
  std::optional<std::string> content;  ///< JSON, see store/release_content.h
  std::optional<std::string> lock;     ///< JSON, see store/release_content.h
  std::optional<std::string> plan;     ///< JSON, what changed against the release before
  std::optional<std::string> error;    ///< why it failed
  Instant created_at;
  std::optional<Instant> live_at;
  std::optional<Instant> ended_at;
};

/// Errors: conflict (name taken in the project), invalid (name).
Result<Deployment> create_deployment(db::Session& db, const OrganizationKey& organization,
                                     const ProjectKey& project, std::string_view name,
                                     std::string_view environment, std::string_view revision,
                                     Instant now);

/// By name or slug; not those that were deleted.
std::optional<Deployment> find_deployment(db::Session& db, const OrganizationKey& organization,
                                          const ProjectKey& project, std::string_view name);
/// Also a deleted one, by the slug that it has since: "prod~1".
std::optional<Deployment> find_deployment_ever(db::Session& db, const OrganizationKey& organization,
                                               const ProjectKey& project, std::string_view name);
/// Deleted ones too.
std::optional<Deployment> find_deployment(db::Session& db, const DeploymentKey& key);
/// Of one project, or of all when `project` is empty; by name, after the one with the key `after`,
/// from the first where that is empty. Those that were deleted are left out, or come alone.
std::vector<Deployment> list_deployments(db::Session& db, const OrganizationKey& organization,
                                         const std::optional<ProjectKey>& project,
                                         std::string_view after, int limit, bool deleted = false);
/// Errors: conflict (name taken in the project), invalid (name). Hold the project before: nobody
/// may take the name meanwhile.
Result<Deployment> rename_deployment(db::Session& db, const Deployment& deployment,
                                     std::string_view name, Instant now);
/// Changes what is followed and for which environment; the next release uses it.
void set_target(db::Session& db, const DeploymentKey& deployment, std::string_view revision,
                std::string_view environment, Instant now);

/// What is wanted of a release besides what its deployment says.
struct ReleaseWish {
  bool refresh_plugins = false;
  bool forced = false;
  std::optional<std::string> commit;  ///< this one, and not what the revision is at now
};
/// Queues a release; one still queued for the deployment is given back instead of a second one
/// (with its plugins to be refreshed, or forced, if either was asked to; with the commit that was
/// asked for last).
Release queue_release(db::Session& db, const Deployment& deployment, const ReleaseWish& wish,
                      Instant now);

/// Queues a release of the commit and the lock that an earlier release of the deployment had live;
/// one still queued becomes that. A release that is claimed with a commit is built from it. Errors:
/// not_found, conflict (it was never live, or is cleaned up).
Result<Release> queue_rollback(db::Session& db, const Deployment& deployment,
                               std::int64_t release_number, Instant now);

/// The oldest queued release, now building under a lease of `worker`; at most one release of a
/// deployment builds at a time. Also one whose builder's lease ended, or that `worker` itself left
/// unfinished: so call it only while it builds none.
std::optional<Release> claim_release(db::Session& db, std::string_view worker, Instant now,
                                     std::chrono::milliseconds lease);
/// Whether `claim_release` would give one. Only reads.
bool has_claimable_release(db::Session& db, std::string_view worker, Instant now);
/// False when the release is no longer being built by the worker.
bool renew_release_lease(db::Session& db, const ReleaseKey& release, std::string_view worker,
                         Instant lease_ends);

std::optional<Release> find_release(db::Session& db, const ReleaseKey& key);
std::optional<Release> find_release(db::Session& db, const DeploymentKey& deployment,
                                    std::int64_t number);
/// Newest first.
std::vector<Release> list_releases(db::Session& db, const DeploymentKey& deployment, int limit);

struct SwitchOver {
  ReleaseKey release;
  std::string worker;  ///< refused (conflict) unless it holds the lease
  std::string commit;
  std::string content;
  std::string lock;
  std::string plan;
};
/// Makes the release the live one and retires the one before. The schedules are switched over in
/// the same transaction by `replace_schedules` (store/schedules.h).
Result<void> switch_over(db::Session& db, const SwitchOver& switch_over, Instant now);
/// False, and nothing written, when the release is no longer being built by the worker.
bool fail_release(db::Session& db, const ReleaseKey& release, std::string_view worker,
                  const std::optional<std::string>& commit, std::string_view error, Instant now);

/// Ends a release that would have been what is live already; the live one stays. False, and nothing
/// written, when it is no longer being built by the worker.
bool end_unchanged_release(db::Session& db, const ReleaseKey& release, std::string_view worker,
                           std::string_view commit, Instant now);

/// Ended releases beyond the newest `keep` of each deployment, where those that changed nothing do
/// not count, that no open run uses: rows whose files may go. `forget_release` then removes the
/// row's content.
std::vector<ReleaseKey> list_surplus_releases(db::Session& db, int keep);
void forget_release(db::Session& db, const ReleaseKey& release);
/// False when there is no such release, or it was forgotten, or its deployment was deleted and no
/// open run uses it: its checkout may go, on each server.
bool is_checkout_kept(db::Session& db, const ReleaseKey& release);
/// The same of its log, which a deleted deployment keeps as long as its history.
bool is_release_log_kept(db::Session& db, const ReleaseKey& release);
/// Content and lock of each release whose checkout is kept.
std::vector<Release> list_kept_releases(db::Session& db);

}  // namespace cupola::store
