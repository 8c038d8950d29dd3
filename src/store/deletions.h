#pragma once

/// Deleting deployments and projects. What they did stays to be read, under the slug that they have
/// since ("prod~1"), until retention has taken the last run: runs, logs, fires, releases and their
/// logs. Everything else goes: schedules fire no more, open runs are cancelled with the code
/// deployment_deleted, and the name is free for another one, which has nothing of the old.

#include <optional>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

/// What goes and what stays if it were deleted now.
struct Deletion {
  std::int64_t deployments = 0;  ///< of a project
  std::int64_t open_runs = 0;    ///< are cancelled
  std::int64_t ended_runs = 0;   ///< stay to be read
  std::int64_t releases = 0;     ///< stay to be read
  std::int64_t schedules = 0;
  std::int64_t enabled_schedules = 0;
  std::int64_t secrets = 0;
  std::int64_t notifications = 0;
  std::int64_t tokens = 0;  ///< that reach it alone
  std::int64_t states = 0;  ///< state ids: of a project they go, of a deployment they stay
};
Deletion foresee_deletion(db::Session& db, const OrganizationKey& organization,
                          const ProjectKey& project,
                          const std::optional<DeploymentKey>& deployment);

/// Errors: not_found. The runner, which the caller wakes, stops what is open.
Result<void> delete_deployment(db::Session& db, const OrganizationKey& organization,
                               const DeploymentKey& deployment, Instant now);

/// With its deployments, and all states and secrets. Errors: not_found.
Result<void> delete_project(db::Session& db, const OrganizationKey& organization,
                            const ProjectKey& project, Instant now);

/// Whether nothing of it goes on any more: it never was, or was deleted and its last run has ended.
/// Its files may go then.
bool is_over(db::Session& db, const DeploymentKey& deployment);
bool is_over(db::Session& db, const ProjectKey& project);

/// Removes the notifications of deleted deployments that have told the last they had to tell.
void drop_silent_notifications(db::Session& db);

/// Removes what was deleted before `before` and has no runs any more; gives how many deployments
/// and projects.
std::int64_t purge_deleted(db::Session& db, const OrganizationKey& organization, Instant before);

}  // namespace cupola::store
