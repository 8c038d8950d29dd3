// The queue: adding runs, claiming them, leases.

#include <algorithm>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "store/columns.h"
#include "store/run_rows.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

/// A queued run that nothing is in the way of, as far as one look shows.
struct Candidate {
  RunId id;
  ProjectKey project;
  std::optional<ScheduleKey> exclusive;  ///< its schedule, where runs of that must not overlap
  std::vector<std::string> state_ids;
  ReleaseKey release;
};

Candidate to_candidate(const db::Row& row) {
  return {.id = row.get<RunId>(0),
          .project = row.get<ProjectKey>(1),
          .exclusive = row.get<std::optional<ScheduleKey>>(2),
          .state_ids = texts_from(row.get<std::string_view>(3)),
          .release = row.get<ReleaseKey>(4)};
}

// The row lock keeps other servers from the same run; what two runs must not share is settled by
// the primary key of run_locks.
constexpr std::string_view candidates_sql = R"sql(
  SELECT r.id, r.project_key,
         CASE WHEN s.overlap <> 'allow' THEN s.key END,
         r.state_ids, d.release_key
  FROM runs r
  JOIN deployments d ON d.key = r.deployment_key
  LEFT JOIN schedules s ON s.key = r.schedule_key
  WHERE r.status = 'queued' AND {} AND r.due_at <= :now AND d.release_key IS NOT NULL
    AND NOT EXISTS (
      SELECT 1 FROM run_state_ids w
      JOIN run_locks l ON l.scope = w.project_key AND l.name = w.state_id
      WHERE w.run_id = r.id)
    AND (s.key IS NULL OR s.overlap = 'allow' OR NOT EXISTS (
      SELECT 1 FROM runs o
      WHERE o.deployment_key = r.deployment_key AND o.schedule_key = r.schedule_key
        AND o.ended_at IS NULL AND o.status <> 'queued'))
  ORDER BY r.due_at, r.id LIMIT :limit /* pg: FOR UPDATE OF r SKIP LOCKED */)sql";

std::string candidates_where(std::string_view condition) {
  return fmt::format(candidates_sql, condition);
}

bool take_lock(db::Session& db, std::string_view scope, std::string_view name, const RunId& run,
               Instant now) {
  return db.execute(R"sql(
      INSERT INTO run_locks (scope, name, run_id, taken_at) VALUES (:scope, :name, :run, :now)
      ON CONFLICT (scope, name) DO NOTHING)sql",
                    {{"scope", scope}, {"name", name}, {"run", run}, {"now", now}}) == 1;
}

/// All or none of what the run must have for itself.
bool take_locks(db::Session& db, const Candidate& candidate, Instant now) {
  bool taken =
      !candidate.exclusive || take_lock(db, candidate.exclusive->text(), "", candidate.id, now);
  // In one order for all runs, so that two servers do not wait for each other.
  auto state_ids = candidate.state_ids;
  std::sort(state_ids.begin(), state_ids.end());
  state_ids.erase(std::unique(state_ids.begin(), state_ids.end()), state_ids.end());
  for (const std::string& state_id : state_ids) {
    taken = taken && take_lock(db, candidate.project.text(), state_id, candidate.id, now);
  }
  if (!taken) release_locks(db, candidate.id);
  return taken;
}

constexpr std::string_view start_sql =
    "UPDATE runs SET status = 'starting',"
    " release_key = :release, worker = :worker, lease_token = lease_token + 1,"
    " deadline = :deadline, cause = NULL, log_kept = 1"
    " WHERE id = :id AND " THIS_RUN_WAITS " RETURNING " RUN_COLUMNS;

std::vector<Run> claim(db::Session& db, const std::string& sql, std::string_view worker, int most,
                       Instant now) {
  std::vector<Run> claimed;
  // Runs that are in each other's way show as blocked in the next look, and others behind them come
  // up. A look that starts none may be due to another server; two of them are the end.
  for (int in_vain = 0; in_vain < 2 && claimed.size() < static_cast<std::size_t>(most);) {
    const auto wanted = static_cast<std::size_t>(most) - claimed.size();
    const auto candidates = db.all(sql, to_candidate, {{"now", now}, {"limit", wanted}});
    std::size_t started = 0;
    for (const Candidate& candidate : candidates) {
      if (!take_locks(db, candidate, now)) continue;
      crash_point("run.locked");
      claimed.push_back(*db.one(start_sql, to_run,
                                {{"release", candidate.release},
                                 {"worker", worker},
                                 {"deadline", now + start_deadline},
                                 {"id", candidate.id}}));
      crash_point("run.claiming");
      ++started;
    }
    if (started == candidates.size()) break;
    if (started == 0) ++in_vain;
  }
  return claimed;
}

}  // namespace

void add_run(db::Session& db, const NewRun& run, Instant now) {
  db.execute(R"sql(
      INSERT INTO runs (id, organization_key, project_key, deployment_key, schedule_key,
        schedule_name, tasks, triggered_by, status, scheduled_at, due_at, queued_at, deadline,
        out_of_memory, attempt, most_attempts, retry_wait, stands_for, options, state_ids,
        run_timeout, lease_token, log_kept)
      VALUES (:id, :organization, :project, :deployment, :schedule, :schedule_name, :tasks,
        :trigger, 'queued', :scheduled_at, :due_at, :now, :deadline, 0, 1,
        :most_attempts, :retry_wait, :stands_for, :options, :state_ids, :run_timeout, 0, 0))sql",
             {{"id", run.id},
              {"organization", run.organization},
              {"project", run.project},
              {"deployment", run.deployment},
              {"schedule", run.schedule},
              {"schedule_name", run.schedule_name},
              {"tasks", to_column(run.tasks)},
              {"trigger", to_text(run.trigger)},
              {"scheduled_at", run.scheduled_at},
              {"due_at", run.due_at},
              {"now", now},
              {"deadline", std::max(now, run.due_at) + queue_deadline},
              {"most_attempts", run.most_attempts},
              {"retry_wait", run.retry_wait},
              {"stands_for", run.stands_for},
              {"options", to_column(run.options)},
              {"state_ids", to_column(run.state_ids)},
              {"run_timeout", run.run_timeout}});
  put_state_ids(db, run.id, run.project, run.state_ids);
  db.tell(topics::runs);
}

std::vector<Run> claim_runs(db::Session& db, std::string_view worker, int most, Instant now) {
  static const std::string sql = candidates_where("r.triggered_by <> 'backfill'");
  return claim(db, sql, worker, most, now);
}

std::vector<Run> claim_backfill_runs(db::Session& db, std::string_view worker, int most,
                                     Instant now) {
  static const std::string sql = candidates_where("r.triggered_by = 'backfill'");
  return claim(db, sql, worker, most, now);
}

std::optional<Instant> next_queued(db::Session& db) {
  return db.one("SELECT due_at FROM runs WHERE status = 'queued' ORDER BY due_at, id LIMIT 1",
                [](const db::Row& row) { return row.get<Instant>(0); });
}

bool mark_running(db::Session& db, const Lease& lease, std::string_view sandbox, Instant now,
                  bool is_frequent) {
  return db.execute(
             "UPDATE runs SET sandbox = :sandbox, started_at = coalesce(started_at, :now),"
             " frequent = coalesce(frequent, :frequent),"
             " deadline = CASE WHEN status = 'starting' THEN :now + run_timeout ELSE deadline END,"
             " status = CASE WHEN status = 'starting' THEN 'running' ELSE status END"
             " WHERE id = :id AND lease_token = :token AND " THIS_RUN_IS_OPEN,
             {{"sandbox", sandbox},
              {"now", now},
              {"frequent", is_frequent},
              {"id", lease.run},
              {"token", lease.token}}) == 1;
}

std::optional<Lease> adopt_run(db::Session& db, const RunId& run, std::string_view worker) {
  return db.one(
      "UPDATE runs SET lease_token = lease_token + 1"
      " WHERE id = :id AND worker = :worker AND " THIS_RUN_IS_OPEN " RETURNING lease_token",
      [&](const db::Row& row) { return Lease{.run = run, .token = row.get<std::int64_t>(0)}; },
      {{"id", run}, {"worker", worker}});
}

bool requeue_run(db::Session& db, const Lease& lease, const std::vector<std::string>& state_ids,
                 std::string_view cause, Instant now) {
  const auto project = db.one(
      "UPDATE runs SET status = 'queued', release_key = NULL, worker = NULL,"
      " started_at = NULL, deadline = :deadline, state_ids = :state_ids, cause = :cause,"
      " lease_token = lease_token + 1"
      " WHERE id = :id AND lease_token = :token AND status = 'starting' RETURNING project_key",
      [](const db::Row& row) { return row.get<ProjectKey>(0); },
      {{"deadline", now + queue_deadline},
       {"state_ids", to_column(state_ids)},
       {"cause", cause},
       {"id", lease.run},
       {"token", lease.token}});
  if (!project) return false;
  release_locks(db, lease.run);
  drop_state_ids(db, lease.run);
  put_state_ids(db, lease.run, *project, state_ids);
  db.tell(topics::runs);
  return true;
}

void explain_waiting(db::Session& db, std::string_view cause, Instant now) {
  db.execute(R"sql(
      UPDATE runs SET cause = :cause
      WHERE status = 'queued' AND due_at <= :now AND cause IS DISTINCT FROM :cause)sql",
             {{"cause", cause}, {"now", now}});
}

}  // namespace cupola::store
