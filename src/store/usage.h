#pragma once

/// What was used: sums of what runs cost, by day and schedule, kept when runs and what they were of
/// are gone.
///
/// The end of a run leaves a row of its cost. `settle_usage` takes those and adds them to the sums,
/// so that runs that end at the same time do not wait for each other at one row. All that reads
/// sums reads both, so that they are exact at any time.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "credits/cost.h"
#include "credits/month.h"
#include "db/database.h"

namespace cupola::store {

/// Whether there is something for `settle_usage`.
bool has_unsettled_usage(db::Session& db);
/// Adds up to `limit` runs' costs to the sums, and tells of balances that have become low
/// (store/credits.h). Other servers take others at the same time. Gives how many.
int settle_usage(db::Session& db, int limit, Instant now);

struct UsageFilter {
  credits::Day from;   ///< of the end of the run
  credits::Day until;  ///< before this day
  std::optional<ProjectKey> project;
  std::optional<DeploymentKey> deployment;
  std::optional<std::string> schedule;  ///< its name; empty: runs of none
};

/// One row for each of these of which there is usage; `total` is always one.
enum class UsageBy { total, project, deployment, schedule, day, month };
std::optional<UsageBy> parse_usage_by(std::string_view text);

struct Usage {
  std::int64_t runs = 0;  ///< that cost something
  credits::Use use;
  credits::Cost cost;
};
struct UsageRow {
  std::string project;     ///< names, as far as it is by them; the last one where it is gone
  std::string deployment;  ///< likewise
  std::string schedule;    ///< empty also for runs of none
  bool is_gone = false;    ///< the project or the deployment was deleted
  std::optional<credits::Day> day;  ///< of a month the first
  Usage usage;
};
/// By names or by day.
std::vector<UsageRow> list_usage(db::Session& db, const OrganizationKey& organization,
                                 const UsageFilter& filter, UsageBy by);

}  // namespace cupola::store
