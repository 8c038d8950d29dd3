#pragma once

/// Attempts: a run by the clock that failed, took too long or was lost is tried again, as often as
/// its schedule's `retries` says. It stays one run: its row is the present attempt, and what is
/// kept of those before is here.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"
#include "store/runs.h"

namespace cupola::store {

/// The most that a schedule may ask for.
inline constexpr int most_retries = 10;
/// No attempt waits longer for its turn.
inline constexpr std::chrono::milliseconds longest_back_off = 1h;
/// From the end of `attempt` (1, 2, …) until the next one may start: `retry_wait`, doubled with
/// each attempt.
std::chrono::milliseconds back_off(std::chrono::milliseconds retry_wait, int attempt);

/// One that has ended, and after which the run went on.
struct Attempt {
  int number = 1;
  RunStatus status = RunStatus::failed;  ///< failed, timed_out or lost
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  std::optional<std::string> cause;
  std::optional<Instant> started_at;
  Instant ended_at;
  std::optional<std::int64_t> peak_memory;  ///< bytes
  std::optional<std::chrono::milliseconds> cpu_time;
  std::optional<std::int64_t> egress_bytes;
  std::optional<std::chrono::milliseconds> run_time;  ///< none where it never started
};
/// The attempts before the present one, oldest first.
std::vector<Attempt> list_attempts(db::Session& db, const OrganizationKey& organization,
                                   const RunId& run);

/// Ends a queued run whose place something else takes: skipped, or failed where it has started
/// once, with the cause of its last attempt before `cause`. False when it is not queued any more.
bool end_superseded_run(db::Session& db, const Run& run, std::string_view cause,
                        std::string_view cancel_code, Instant now);

/// Runs whose next attempt may start only after `after`, the last first.
std::vector<Run> list_attempts_due_after(db::Session& db, Instant after, int limit);
/// The next attempt of a waiting run is due after its back-off from now on, as if the one before
/// had ended just now. False when it waits no longer.
bool set_attempt_due(db::Session& db, const Run& run, Instant now);

/// Runs that ended while they waited for an attempt, so that nobody has finished their logs;
/// `close_log` says that it is done, and how many lines there are.
std::vector<RunId> list_open_logs(db::Session& db, int limit);
void close_log(db::Session& db, const RunId& run, std::int64_t lines);

}  // namespace cupola::store
