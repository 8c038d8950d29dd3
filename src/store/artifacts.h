#pragma once

/// Files of runs that their project asked to keep: which there are. The files themselves lie at
/// Home::artifacts, in a folder for each attempt.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"
#include "store/runs.h"

namespace cupola::store {

struct Artifact {
  std::string path;  ///< in the project's directory
  std::int64_t bytes = 0;
  std::int64_t lease_token = 0;      ///< of the attempt that left it: the folder where it lies
  std::optional<std::string> fault;  ///< why it was not kept
};

/// What the attempt left, in place of what an attempt before it did. In the transaction of
/// `finish_run`, unless that found the lease stale.
void keep_artifacts(db::Session& db, const Lease& lease, const std::vector<Artifact>& artifacts);

/// By path. None of another organization's run.
std::vector<Artifact> list_artifacts(db::Session& db, const OrganizationKey& organization,
                                     const RunId& run);
std::optional<Artifact> find_artifact(db::Session& db, const OrganizationKey& organization,
                                      const RunId& run, std::string_view path);

/// Runs that ended before `before` and have some; `forget_artifacts` says that they are gone.
std::vector<RunId> list_runs_with_old_artifacts(db::Session& db,
                                                const OrganizationKey& organization, Instant before,
                                                int limit);
void forget_artifacts(db::Session& db, const RunId& run);

}  // namespace cupola::store
