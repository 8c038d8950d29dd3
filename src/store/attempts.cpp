#include "store/attempts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/attempt_rows.h"
#include "store/run_rows.h"

namespace cupola::store {
namespace {

#define ATTEMPT_COLUMNS                                                                 \
  "a.attempt, a.status, a.exit_code, a.exit_signal, a.cause, a.started_at, a.ended_at," \
  " a.peak_memory, a.cpu_time, a.egress_bytes, a.run_time"

Attempt to_attempt(const db::Row& row) {
  return {.number = row.get<int>(0),
          .status = status_from(row.get<std::string_view>(1)),
          .exit_code = row.get<std::optional<int>>(2),
          .exit_signal = row.get<std::optional<int>>(3),
          .cause = row.get<std::optional<std::string>>(4),
          .started_at = row.get<std::optional<Instant>>(5),
          .ended_at = row.get<Instant>(6),
          .peak_memory = row.get<std::optional<std::int64_t>>(7),
          .cpu_time = row.get<std::optional<std::chrono::milliseconds>>(8),
          .egress_bytes = row.get<std::optional<std::int64_t>>(9),
          .run_time = row.get<std::optional<std::chrono::milliseconds>>(10)};
}

void keep(db::Session& db, const RunId& run, const Attempt& attempt) {
  db.execute(R"sql(
      INSERT INTO run_attempts (run_id, attempt, status, exit_code, exit_signal, cause, started_at,
        ended_at, peak_memory, cpu_time, egress_bytes, run_time)
      VALUES (:run, :attempt, :status, :exit_code, :exit_signal, :cause, :started_at, :ended_at,
        :peak_memory, :cpu_time, :egress_bytes, :run_time))sql",
             {{"run", run},
              {"attempt", attempt.number},
              {"status", to_text(attempt.status)},
              {"exit_code", attempt.exit_code},
              {"exit_signal", attempt.exit_signal},
              {"cause", attempt.cause},
              {"started_at", attempt.started_at},
              {"ended_at", attempt.ended_at},
              {"peak_memory", attempt.peak_memory},
              {"cpu_time", attempt.cpu_time},
              {"egress_bytes", attempt.egress_bytes},
              {"run_time", attempt.run_time}});
}

std::string_view verb_for(RunStatus status) {
  switch (status) {
    case RunStatus::timed_out:
      return "took too long";
    case RunStatus::lost:
      return "was lost";
    default:
      return "failed";
  }
}

/// "attempt 1 of 3 failed: exit code 1"
std::string told(const Attempt& attempt, int most) {
  std::string text =
      fmt::format("attempt {} of {} {}", attempt.number, most, verb_for(attempt.status));
  if (attempt.cause && !attempt.cause->empty()) text += ": " + *attempt.cause;
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string waiting_for(const Attempt& last, int most, Instant due) {
  return fmt::format("{}; the next starts at {}", told(last, most),
                     to_rfc3339(std::chrono::ceil<std::chrono::seconds>(due)));
}

std::optional<Attempt> last_attempt(db::Session& db, const RunId& run) {
  return db.one("SELECT " ATTEMPT_COLUMNS
                " FROM run_attempts a WHERE a.run_id = :run ORDER BY a.attempt DESC LIMIT 1",
                to_attempt, {{"run", run}});
}

}  // namespace

std::chrono::milliseconds back_off(std::chrono::milliseconds retry_wait, int attempt) {
  std::chrono::milliseconds wait = retry_wait;
  for (int i = 1; i < attempt && wait < longest_back_off; ++i) wait *= 2;
  return std::min(wait, longest_back_off);
}

std::vector<Attempt> list_attempts(db::Session& db, const OrganizationKey& organization,
                                   const RunId& run) {
  return db.all("SELECT " ATTEMPT_COLUMNS R"sql( FROM run_attempts a JOIN runs r ON r.id = a.run_id
      WHERE r.organization_key = :organization AND a.run_id = :run ORDER BY a.attempt)sql",
                to_attempt, {{"organization", organization}, {"run", run}});
}

bool may_be_tried_again(RunStatus status) {
  return status == RunStatus::failed || status == RunStatus::timed_out || status == RunStatus::lost;
}

std::optional<Run> find_with_attempt_left(db::Session& db, const Lease& lease) {
  return db.one("SELECT " RUN_COLUMNS
                " FROM runs WHERE id = :id AND lease_token = :token AND attempt < most_attempts"
                " AND stop_requested_at IS NULL AND " THIS_RUN_IS_OPEN " /* pg: FOR UPDATE */",
                to_run, {{"id", lease.run}, {"token", lease.token}});
}

bool is_superseded(db::Session& db, const Run& run) {
  if (!run.schedule || !run.scheduled_at) return false;
  // A fire that is just being queued holds this row, too.
  const bool one_waits =
      db.one("SELECT overlap FROM schedules WHERE key = :schedule /* pg: FOR UPDATE */",
             [](const db::Row& row) { return row.get<std::string_view>(0) == "queue_one"; },
             {{"schedule", *run.schedule}})
          .value_or(false);
  if (!one_waits) return false;
  return db
      .one(R"sql(
      SELECT 1 FROM runs WHERE deployment_key = :deployment AND schedule_key = :schedule
        AND ended_at IS NULL AND coalesce(status, '') = 'queued' AND triggered_by <> 'manual'
        AND scheduled_at > :scheduled_at LIMIT 1)sql",
           [](const db::Row&) { return true; },
           {{"deployment", run.deployment},
            {"schedule", *run.schedule},
            {"scheduled_at", *run.scheduled_at}})
      .value_or(false);
}

void queue_next_attempt(db::Session& db, const Run& run, const RunResult& result, Instant now) {
  Attempt ended{.number = run.attempt,
                .status = result.status,
                .exit_code = result.exit_code,
                .exit_signal = result.exit_signal,
                .started_at = run.started_at,
                .ended_at = result.ended_at.value_or(now),
                .peak_memory = result.peak_memory,
                .cpu_time = result.cpu_time,
                .egress_bytes = result.egress_bytes,
                .run_time = result.run_time};
  if (result.cause) ended.cause = printable(*result.cause);
  keep(db, run.id, ended);
  crash_point("run.attempt_kept");
  const Instant due = now + back_off(run.retry_wait, run.attempt);
  db.execute(
      "UPDATE runs SET status = 'queued', attempt = attempt + 1, lease_token = lease_token + 1,"
      " fire_due_at = coalesce(fire_due_at, due_at), due_at = :due, deadline = :deadline,"
      " cause = :cause, release_key = NULL, worker = NULL, started_at = NULL, sandbox = NULL"
      " WHERE id = :id",
      {{"due", due},
       {"deadline", due + queue_deadline},
       {"cause", waiting_for(ended, run.most_attempts, due)},
       {"id", run.id}});
}

bool end_superseded_run(db::Session& db, const Run& run, std::string_view cause,
                        std::string_view cancel_code, Instant now) {
  const auto last = last_attempt(db, run.id);
  if (!last)
    return end_queued_run(db, run.id, RunStatus::skipped, cause, std::string(cancel_code), now);
  return end_queued_run(db, run.id, RunStatus::failed,
                        fmt::format("{}; {}", told(*last, run.most_attempts), cause),
                        std::string(cancel_code), now);
}

std::vector<Run> list_attempts_due_after(db::Session& db, Instant after, int limit) {
  return db.all("SELECT " RUN_COLUMNS
                " FROM runs WHERE status = 'queued' AND due_at > :after AND fire_due_at IS NOT NULL"
                " ORDER BY due_at DESC, id DESC LIMIT :limit",
                to_run, {{"after", after}, {"limit", limit}});
}

bool set_attempt_due(db::Session& db, const Run& run, Instant now) {
  const auto last = last_attempt(db, run.id);
  if (!last) return false;
  const Instant due = now + back_off(run.retry_wait, last->number);
  return db.execute(
             "UPDATE runs SET due_at = :due, deadline = :deadline, cause = :cause"
             " WHERE id = :id AND " THIS_RUN_WAITS,
             {{"due", due},
              {"deadline", due + queue_deadline},
              {"cause", waiting_for(*last, run.most_attempts, due)},
              {"id", run.id}}) == 1;
}

std::vector<RunId> list_open_logs(db::Session& db, int limit) {
  return db.all(
      "SELECT id FROM runs WHERE attempt > 1 AND log_lines IS NULL AND log_kept = 1"
      " AND ended_at IS NOT NULL ORDER BY id LIMIT :limit",
      [](const db::Row& row) { return row.get<RunId>(0); }, {{"limit", limit}});
}

void close_log(db::Session& db, const RunId& run, std::int64_t lines) {
  db.execute("UPDATE runs SET log_lines = :lines WHERE id = :id AND ended_at IS NOT NULL",
             {{"lines", lines}, {"id", run}});
}

}  // namespace cupola::store
