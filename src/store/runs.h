#pragma once

/// Runs: the queue, the leases, the results, the history.
///
/// Life of a run: queued → starting → running → (stopping →) succeeded | failed | cancelled |
/// timed_out | lost; a queued one may end skipped or cancelled. One that failed, timed out or was
/// lost goes back to queued while it has an attempt left (store/attempts.h). Each state that is not
/// final has a deadline. Writes about a claimed run take the lease token of the claim and change
/// nothing under a stale one.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "credits/cost.h"
#include "db/database.h"
#include "store/states.h"

namespace cupola::store {

enum class RunStatus {
  queued,
  starting,
  running,
  stopping,
  succeeded,
  failed,
  cancelled,
  timed_out,
  lost,
  skipped
};
std::string_view to_text(RunStatus status);
std::optional<RunStatus> parse_run_status(std::string_view text);
bool is_final(RunStatus status);

enum class Trigger { schedule, manual, catch_up, backfill };
std::string_view to_text(Trigger trigger);

/// Which part of a backfill (store/backfills.h) a run does.
struct BackfillPart {
  std::int64_t number = 0;  ///< of the backfill
  Instant start;            ///< of the interval: the fire before, up to
  Instant end;              ///< the fire that the run stands for
};

/// What the person who asked for the run wants different.
struct RunOptions {
  bool full_refresh = false;
  std::string state_id_suffix;             ///< empty: as the environment says
  std::map<std::string, std::string> env;  ///< over the schedule's and the secrets'
  std::optional<BackfillPart> backfill;
};

struct Run {
  RunId id;
  OrganizationKey organization;
  ProjectKey project;
  DeploymentKey deployment;
  std::optional<ReleaseKey> release;  ///< fixed when claimed: the live one then
  std::optional<ScheduleKey> schedule;
  std::optional<std::string> schedule_name;
  std::vector<std::string> tasks;  ///< words for `meltano run`; empty for a schedule's own
  Trigger trigger = Trigger::manual;
  RunStatus status = RunStatus::queued;
  std::optional<Instant> scheduled_at;  ///< nominal fire
  Instant due_at;                       ///< not claimed before
  std::optional<Instant> fire_due_at;   ///< when it was due at first, once it was tried again
  Instant queued_at;
  std::optional<Instant> started_at;
  std::optional<Instant> ended_at;
  Instant deadline;  ///< of the present status
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  bool out_of_memory = false;
  std::optional<std::int64_t> peak_memory;  ///< bytes
  std::optional<std::chrono::milliseconds> cpu_time;
  std::optional<std::int64_t> egress_bytes;  ///< sent; nothing where it was not counted
  int attempt = 1;                           ///< the present one
  int most_attempts = 1;
  std::chrono::milliseconds retry_wait{0};  ///< after the first attempt; longer after each
  std::int64_t stands_for = 1;              ///< fires that this run stands for after downtime
  std::optional<std::string> cause;         ///< why it ended as it did, one line
  std::optional<std::string> cancel_code;   ///< user, superseded, deployment_deleted, shutdown
  std::optional<std::string> sandbox;       ///< what held it, or that nothing did
  RunOptions options;
  std::vector<std::string> state_ids;  ///< taken together before the start
  std::chrono::milliseconds run_timeout{24h};
  std::optional<Instant> stop_requested_at;
  std::optional<std::string> worker;
  std::int64_t lease_token = 0;
  std::optional<std::int64_t> log_lines;
  bool log_kept = false;
  /// Whether its schedule was when it first started (credits/cost.h); nothing before.
  std::optional<bool> is_frequent;
  std::optional<credits::Cost> cost;  ///< once it is final
};

/// A run waits this long in the queue at most; then it ends failed with that cause.
inline constexpr std::chrono::milliseconds queue_deadline = 7 * 24h;
/// What is starting must run within this time, what is stopping must have ended.
inline constexpr std::chrono::milliseconds start_deadline = 10min;
inline constexpr std::chrono::milliseconds stop_deadline = 10min;

struct NewRun {
  RunId id;  ///< new_id<RunId>()
  OrganizationKey organization;
  ProjectKey project;
  DeploymentKey deployment;
  std::optional<ScheduleKey> schedule;
  std::optional<std::string> schedule_name;
  std::vector<std::string> tasks;
  Trigger trigger = Trigger::manual;
  std::optional<Instant> scheduled_at;
  Instant due_at;
  std::int64_t stands_for = 1;
  RunOptions options;
  std::vector<std::string> state_ids;
  std::chrono::milliseconds run_timeout{24h};
  int most_attempts = 1;
  std::chrono::milliseconds retry_wait{0};
};
void add_run(db::Session& db, const NewRun& run, Instant now);

/// Claims up to `most` queued runs that are due, oldest first, whose deployment has a live release,
/// whose state ids are all free, and, unless the schedule's overlap policy is `allow`, while no
/// other run of their schedule is open; takes their state ids and fixes their release. Two workers
/// never get the same run, and two claimed runs never share a state id of a project. What waits for
/// another does not keep those behind it.
std::vector<Run> claim_runs(db::Session& db, std::string_view worker, int most, Instant now);
/// The same for runs of backfills, which `claim_runs` leaves alone.
std::vector<Run> claim_backfill_runs(db::Session& db, std::string_view worker, int most,
                                     Instant now);

/// When the next queued run is due, if one waits; a run that only waits for a state id counts as
/// due at its time.
std::optional<Instant> next_queued(db::Session& db);

/// A claim, and what proves it.
struct Lease {
  RunId run;
  std::int64_t token = 0;
};

/// starting → running, with the run's timeout as its deadline; a run that was asked to stop stays
/// stopping. `is_frequent` is kept of its first start. False under a stale token.
bool mark_running(db::Session& db, const Lease& lease, std::string_view sandbox, Instant now,
                  bool is_frequent = false);
/// Takes over an open run of the same worker after a restart: a fresh token, which makes the old
/// one stale. Empty when it is no longer open or another worker's.
std::optional<Lease> adopt_run(db::Session& db, const RunId& run, std::string_view worker);

struct RunResult {
  RunStatus status = RunStatus::failed;  ///< a final one
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  bool out_of_memory = false;
  std::optional<std::int64_t> peak_memory;
  std::optional<std::chrono::milliseconds> cpu_time;
  std::optional<std::int64_t> egress_bytes;
  std::optional<std::string> cause;
  std::optional<std::string> cancel_code;
  std::optional<std::int64_t> log_lines;
  std::optional<Instant> ended_at;  ///< by the supervisor's clock; `now` when absent
  /// How long its program lived; none where it never started.
  std::optional<std::chrono::milliseconds> run_time;
  /// For a run that ended before `mark_running` said it.
  std::optional<bool> is_frequent;
};
/// What became of a run whose program ended.
enum class Finish {
  stale,        ///< nothing was written: the token is an older one, or the run has ended
  ended,        ///< it is final
  queued_again  ///< its next attempt waits in the queue
};
/// Ends the present attempt: result, last state versions (made final) and release of its state ids,
/// in the session's transaction. The run is final then, and what it costs is kept with it; or,
/// while it has an attempt left and no stop was asked for, queued again (store/attempts.h).
Finish finish_run(db::Session& db, const Lease& lease, const RunResult& result,
                  const std::vector<CapturedState>& states, Instant now);

/// Gives a claimed run that nothing was started for back to the queue, with the state ids that it
/// should have taken. False under a stale token.
bool requeue_run(db::Session& db, const Lease& lease, const std::vector<std::string>& state_ids,
                 std::string_view cause, Instant now);
/// Says on each due run of the queue why it still waits; cleared when it is claimed.
void explain_waiting(db::Session& db, std::string_view cause, Instant now);

/// Asks for a stop. A queued run ends cancelled at once; an open one gets stop_requested_at and
/// status stopping. Errors: not_found, conflict (already final).
Result<Run> request_stop(db::Session& db, const OrganizationKey& organization, const RunId& run,
                         std::string_view cancel_code, Instant now);

/// Ends a queued run as skipped (which one that has started once never is) or failed (waited too
/// long); false when it is not queued any more.
bool end_queued_run(db::Session& db, const RunId& run, RunStatus status, std::string_view cause,
                    const std::optional<std::string>& cancel_code, Instant now);

std::optional<Run> find_run(db::Session& db, const OrganizationKey& organization, const RunId& id);
std::optional<Run> find_run(db::Session& db, const RunId& id);
/// Open runs (starting, running, stopping) of the worker; of all workers when empty.
std::vector<Run> list_open_runs(db::Session& db, std::string_view worker);
/// Queued runs past their deadline.
std::vector<Run> list_overdue_queued_runs(db::Session& db, Instant now, int limit);
/// Runs of the schedule that are not final, oldest first.
std::vector<Run> list_unfinished_runs(db::Session& db, const ScheduleKey& schedule);

struct RunFilter {
  std::optional<ProjectKey> project;
  std::optional<DeploymentKey> deployment;
  std::optional<std::string> schedule_name;
  std::optional<RunStatus> status;
  std::optional<Instant> since;  ///< queued at or after
  std::optional<Instant> until;  ///< queued before
  std::string before;            ///< cursor: the (queued_at, id) of the last one seen, as given
};
/// Names that a list shows beside each run, joined in one query.
struct ListedRun {
  Run run;
  std::string project_name;
  std::string deployment_name;
  std::optional<std::int64_t> release_number;  ///< of `run.release`
};
struct RunPage {
  std::vector<ListedRun> runs;  ///< newest first
  std::string next;             ///< cursor for the next page; empty at the end
};
/// Whether the text is a cursor that a page gave; under another one a page is empty.
bool is_run_cursor(std::string_view text);
/// The one that goes on after this run.
std::string run_cursor(const Run& run);
RunPage list_runs(db::Session& db, const OrganizationKey& organization, const RunFilter& filter,
                  int limit);
std::optional<ListedRun> find_listed_run(db::Session& db, const OrganizationKey& organization,
                                         const RunId& id);

/// Final runs that ended before `before` and still have a log; `forget_log` says that it is gone.
std::vector<RunId> list_runs_with_old_logs(db::Session& db, const OrganizationKey& organization,
                                           Instant before, int limit);
void forget_log(db::Session& db, const RunId& run);
/// Deletes at most `limit` final runs that ended before `before`; gives their ids.
std::vector<RunId> delete_old_runs(db::Session& db, const OrganizationKey& organization,
                                   Instant before, int limit);

}  // namespace cupola::store
