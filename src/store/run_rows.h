#pragma once

/// How a run lies in its table, for the files of this module that read and write runs.

#include <string>

#include "db/database.h"
#include "store/runs.h"

/// The columns that `to_run` reads, of the table `runs`; with its name, which RETURNING knows.
#define RUN_COLUMNS                                                                           \
  "runs.id, runs.organization_key, runs.project_key, runs.deployment_key, runs.release_key, " \
  "runs.schedule_key,"                                                                        \
  " runs.schedule_name, runs.tasks, runs.triggered_by, runs.status, runs.scheduled_at, "      \
  "runs.due_at, runs.queued_at,"                                                              \
  " runs.started_at, runs.ended_at, runs.deadline, runs.exit_code, runs.exit_signal, "        \
  "runs.out_of_memory,"                                                                       \
  " runs.peak_memory, runs.cpu_time, runs.attempt, runs.stands_for, runs.cause, "             \
  "runs.cancel_code, runs.sandbox,"                                                           \
  " runs.options, runs.state_ids, runs.run_timeout, runs.stop_requested_at, runs.worker, "    \
  "runs.lease_token,"                                                                         \
  " runs.log_lines, runs.log_kept, runs.egress_bytes, runs.most_attempts, runs.retry_wait, "  \
  "runs.fire_due_at,"                                                                         \
  " runs.frequent, runs.credits_base, runs.credits_run_time, runs.credits_egress"

/// The condition of the index `runs_open`.
#define RUN_IS_OPEN "status IN ('starting', 'running', 'stopping')"
/// The same where the run's id is given: in words that no index has, because PostgreSQL else walks
/// the index of all open runs, with those that just ended, while the table is small.
#define THIS_RUN_IS_OPEN "coalesce(status, '') IN ('starting', 'running', 'stopping')"
#define THIS_RUN_WAITS "coalesce(status, '') = 'queued'"

namespace cupola::store {

inline constexpr std::size_t run_column_count = 42;

Run to_run(const db::Row& row);
/// A status, and a trigger, out of a column. Throws Failure for a word that is none.
RunStatus status_from(std::string_view word);
Trigger trigger_from(std::string_view word);
std::string to_column(const RunOptions& options);

/// The state ids that a waiting or open run needs; replaces those it had.
void put_state_ids(db::Session& db, const RunId& run, const ProjectKey& project,
                   const std::vector<std::string>& state_ids);
void drop_state_ids(db::Session& db, const RunId& run);
/// Gives back what the run has for itself alone.
void release_locks(db::Session& db, const RunId& run);

}  // namespace cupola::store
