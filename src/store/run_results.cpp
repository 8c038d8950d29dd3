// How runs end: results, stops, waiting too long; and what is left of them.

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "store/attempt_rows.h"
#include "store/run_costs.h"
#include "store/run_end.h"
#include "store/run_rows.h"
#include "store/state_capture.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

std::optional<std::string> printable_or_none(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return printable(*text);
}

/// The cause as a sentence that another one may follow; empty without one.
std::string sentence(const std::optional<std::string>& cause) {
  if (!cause || cause->empty()) return "";
  return *cause + (cause->ends_with('.') ? " " : ". ");
}

/// What the end of a run has to tidy up.
struct Ended {
  StateOwner owner;
  bool has_state_ids;
  std::optional<ScheduleKey> schedule;
  Trigger trigger;
  bool has_open_states;
};

/// Ends a run that no worker has.
std::optional<Run> end_waiting(db::Session& db, const RunId& run, RunStatus status,
                               std::string_view cause,
                               const std::optional<std::string>& cancel_code, Instant now) {
  const RunCost cost = cost_at_end(db, run, nullptr);
  db::Params params = {{"status", to_text(status)},
                       {"cause", printable(cause)},
                       {"cancel_code", cancel_code},
                       {"now", now},
                       {"id", run}};
  add_cost_params(params, cost.cost);
  auto ended = db.one(
      "UPDATE runs SET status = :status, cause = :cause, cancel_code = :cancel_code," SET_RUN_COST
      ", ended_at = :now WHERE id = :id AND " THIS_RUN_WAITS
      " AND (:status <> 'skipped' OR attempt = 1) RETURNING " RUN_COLUMNS,
      to_run, params);
  if (ended) drop_state_ids(db, run);
  if (ended) {
    charge(db, run, cost, now);
    follow_end(db,
               {.id = run,
                .schedule = ended->schedule,
                .trigger = ended->trigger,
                .status = ended->status},
               now);
  }
  return ended;
}

/// Ends an open run under its lease.
std::optional<Ended> end_open(db::Session& db, const Lease& lease, const RunResult& result,
                              Instant now) {
  const RunCost cost = cost_at_end(db, lease.run, &result);
  const Instant ended_at = result.ended_at.value_or(now);
  db::Params params = {{"status", to_text(result.status)},
                       {"exit_code", result.exit_code},
                       {"exit_signal", result.exit_signal},
                       {"out_of_memory", result.out_of_memory},
                       {"peak_memory", result.peak_memory},
                       {"cpu_time", result.cpu_time},
                       {"egress_bytes", result.egress_bytes},
                       {"cause", printable_or_none(result.cause)},
                       {"log_lines", result.log_lines},
                       {"ended_at", ended_at},
                       {"cancel_code", result.cancel_code},
                       {"id", lease.run},
                       {"token", lease.token}};
  add_cost_params(params, cost.cost);
  // A run that was asked to stop keeps the code of the one who asked, unless it ended otherwise.
  auto ended = db.one(
      "UPDATE runs SET status = :status, exit_code = :exit_code, exit_signal = :exit_signal,"
      " out_of_memory = :out_of_memory, peak_memory = :peak_memory, cpu_time = :cpu_time,"
      " egress_bytes = :egress_bytes," SET_RUN_COST
      ", cause = :cause, log_lines = :log_lines, ended_at = :ended_at,"
      " cancel_code = CASE WHEN :status = 'cancelled' THEN coalesce(:cancel_code, cancel_code)"
      " ELSE :cancel_code END"
      " WHERE id = :id AND lease_token = :token AND " THIS_RUN_IS_OPEN
      " RETURNING organization_key, project_key, state_ids, schedule_key, triggered_by,"
      " CASE WHEN EXISTS (SELECT 1 FROM states s WHERE s.run_id = runs.id AND s.final = 0)"
      " THEN 1 ELSE 0 END",
      [](const db::Row& row) {
        return Ended{.owner = {.organization = row.get<OrganizationKey>(0),
                               .project = row.get<ProjectKey>(1)},
                     .has_state_ids = row.get<std::string_view>(2) != "[]",
                     .schedule = row.get<std::optional<ScheduleKey>>(3),
                     .trigger = trigger_from(row.get<std::string_view>(4)),
                     .has_open_states = row.get<bool>(5)};
      },
      params);
  if (ended) charge(db, lease.run, cost, ended_at);
  return ended;
}

std::optional<Ended> start_over(db::Session& db, const Run& run, const RunResult& result,
                                Instant now) {
  queue_next_attempt(db, run, result, now);
  return Ended{.owner = {.organization = run.organization, .project = run.project},
               .has_state_ids = !run.state_ids.empty(),
               .schedule = run.schedule,
               .trigger = run.trigger,
               .has_open_states = true};
}

}  // namespace

Finish finish_run(db::Session& db, const Lease& lease, const RunResult& result,
                  const std::vector<CapturedState>& states, Instant now) {
  RunResult told = result;
  auto again = may_be_tried_again(result.status) ? find_with_attempt_left(db, lease) : std::nullopt;
  if (again && is_superseded(db, *again)) {
    told.cause = fmt::format("{}It is not tried again: a newer fire of its schedule waits.",
                             sentence(result.cause));
    again.reset();
  }
  const auto ended = again ? start_over(db, *again, told, now) : end_open(db, lease, told, now);
  if (!ended) return Finish::stale;
  write_states(db, ended->owner, {.run = lease.run, .final = true}, states, now);
  if (ended->has_open_states) make_states_final(db, lease.run, now);
  if (ended->has_state_ids || ended->schedule) release_locks(db, lease.run);
  if (ended->has_state_ids && !again) drop_state_ids(db, lease.run);
  if (!again) {
    follow_end(db,
               {.id = lease.run,
                .schedule = ended->schedule,
                .trigger = ended->trigger,
                .status = told.status},
               now);
  }
  db.tell(topics::runs);
  return again ? Finish::queued_again : Finish::ended;
}

Result<Run> request_stop(db::Session& db, const OrganizationKey& organization, const RunId& run,
                         std::string_view cancel_code, Instant now) {
  const auto found = db.one("SELECT " RUN_COLUMNS
                            " FROM runs"
                            " WHERE runs.organization_key = :organization AND runs.id = :id"
                            " /* pg: FOR UPDATE */",
                            to_run, {{"organization", organization}, {"id", run}});
  if (!found) return Error{Error::Kind::not_found, "There is no such run."};
  if (is_final(found->status)) {
    return Error{Error::Kind::conflict,
                 fmt::format("The run has ended already: it {}.", to_text(found->status)),
                 "There is nothing to stop."};
  }
  if (found->status == RunStatus::queued) {
    const std::string_view cause = cancel_code == "deployment_deleted"
                                       ? "Its deployment was deleted."
                                       : "Stopped before it started.";
    auto ended = end_waiting(db, run, RunStatus::cancelled, cause, std::string(cancel_code), now);
    if (ended) return *ended;
  }
  if (found->status == RunStatus::stopping) return *found;
  db.tell(topics::runs);
  return *db.one(
      "UPDATE runs SET status = 'stopping', stop_requested_at = :now,"
      " cancel_code = :cancel_code, deadline = :deadline"
      " WHERE id = :id RETURNING " RUN_COLUMNS,
      to_run,
      {{"now", now}, {"cancel_code", cancel_code}, {"deadline", now + stop_deadline}, {"id", run}});
}

bool end_queued_run(db::Session& db, const RunId& run, RunStatus status, std::string_view cause,
                    const std::optional<std::string>& cancel_code, Instant now) {
  return end_waiting(db, run, status, cause, cancel_code, now).has_value();
}

std::vector<RunId> list_runs_with_old_logs(db::Session& db, const OrganizationKey& organization,
                                           Instant before, int limit) {
  return db.all(
      "SELECT id FROM runs WHERE organization_key = :organization AND log_kept = 1"
      " AND ended_at < :before ORDER BY ended_at LIMIT :limit",
      [](const db::Row& row) { return row.get<RunId>(0); },
      {{"organization", organization}, {"before", before}, {"limit", limit}});
}

void forget_log(db::Session& db, const RunId& run) {
  db.execute("UPDATE runs SET log_kept = 0 WHERE id = :id", {{"id", run}});
}

std::vector<RunId> delete_old_runs(db::Session& db, const OrganizationKey& organization,
                                   Instant before, int limit) {
  return db.all(
      "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE organization_key = :organization"
      " AND ended_at IS NOT NULL AND ended_at < :before ORDER BY ended_at LIMIT :limit)"
      " RETURNING id",
      [](const db::Row& row) { return row.get<RunId>(0); },
      {{"organization", organization}, {"before", before}, {"limit", limit}});
}

}  // namespace cupola::store
