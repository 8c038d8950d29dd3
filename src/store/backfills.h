#pragma once

/// Backfills: runs of a schedule for intervals that have gone by. An interval lies between two
/// fires; its run is told where it begins and ends, and works on state ids of its own, so that the
/// bookmarks of the schedule stay as they are (docs/design/schedules.md).
///
/// At most `parallel` runs of one are in the queue or under way; when one ends, the next interval
/// gets its run in the same transaction. So nothing has to go on after a restart.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/schedules.h"

namespace cupola::store {

/// The most intervals of one backfill, and the most that are done at once.
inline constexpr int most_backfill_intervals = 1000;
inline constexpr int most_backfill_parallel = 10;

using BackfillKey = Id<struct BackfillKeyTag>;

enum class BackfillStatus { running, ended, stopped };
std::string_view to_text(BackfillStatus status);

struct Backfill {
  BackfillKey key;
  OrganizationKey organization;
  ProjectKey project;
  DeploymentKey deployment;
  ScheduleKey schedule;
  std::int64_t number = 0;  ///< counted in the deployment
  std::string schedule_name;
  BackfillStatus status = BackfillStatus::running;
  std::optional<std::string> cause;  ///< why it was stopped
  Instant since;
  Instant until;
  bool newest_first = false;
  int parallel = 1;
  std::string start_variable;
  std::string end_variable;
  std::string state_id_suffix;  ///< of all its runs; each adds its own interval
  std::string created_by;       ///< a login
  Instant created_at;
  std::optional<Instant> ended_at;
};

struct BackfillInterval {
  Instant start;
  Instant end;
  std::string status;  ///< waiting, open, dropped, or the final status of its run
  std::optional<RunId> run;
};

/// How many of its intervals are in which of these.
struct BackfillCounts {
  std::int64_t waiting = 0;
  std::int64_t open = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;     ///< timed out and lost ones, too
  std::int64_t cancelled = 0;  ///< skipped ones, too
  std::int64_t dropped = 0;
};

/// Adds it with its intervals, in the order in which they are to be done, and queues the first.
/// `key`, `number` and what tells of its end are given here. Errors: conflict, when one of the
/// schedule is running.
Result<Backfill> add_backfill(db::Session& db, Backfill backfill,
                              const std::vector<std::pair<Instant, Instant>>& intervals,
                              Instant now);

std::optional<Backfill> find_backfill(db::Session& db, const OrganizationKey& organization,
                                      const DeploymentKey& deployment, std::int64_t number);
/// Newest first, before the one with the number `before` where that is not 0.
std::vector<Backfill> list_backfills(db::Session& db, const OrganizationKey& organization,
                                     const DeploymentKey& deployment, std::int64_t before,
                                     int limit);
/// In the order in which they are done.
std::vector<BackfillInterval> list_intervals(db::Session& db, const BackfillKey& backfill);
BackfillCounts count_intervals(db::Session& db, const BackfillKey& backfill);

/// Stops it: what waits is dropped, what is under way is asked to stop. Errors: conflict, when it
/// is over.
Result<Backfill> stop_backfill(db::Session& db, const Backfill& backfill, std::string_view cause,
                               Instant now);

/// Ends those of a deployment that is about to be deleted; what is under way is the caller's.
void stop_backfills_of(db::Session& db, const DeploymentKey& deployment, std::string_view cause,
                       Instant now);

/// Deletes at most `limit` that ended before `before`; gives how many.
std::int64_t delete_old_backfills(db::Session& db, const OrganizationKey& organization,
                                  Instant before, int limit);

}  // namespace cupola::store
