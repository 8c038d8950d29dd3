#include "store/set_back.h"

#include "store/run_rows.h"
#include "store/schedule_rows.h"

namespace cupola::store {

std::vector<Schedule> list_schedules_planned_after(db::Session& db, Instant after, int limit) {
  return db.all("SELECT " SCHEDULE_COLUMNS R"sql( FROM schedules s
      WHERE s.planned = 1 AND s.planned_at > :after AND s.enabled = 1 AND s.present = 1
      ORDER BY s.planned_at DESC LIMIT :limit)sql",
                to_schedule, {{"after", after}, {"limit", limit}});
}

std::int64_t forget_unstarted_fires(db::Session& db, const ScheduleKey& schedule, Instant after) {
  const auto counts = db.all(R"sql(
      DELETE FROM fires WHERE schedule_key = :schedule AND noticed_at > :after
        AND outcome <> 'run' RETURNING count)sql",
                             [](const db::Row& row) { return row.get<std::int64_t>(0); },
                             {{"schedule", schedule}, {"after", after}});
  std::int64_t all = 0;
  for (const std::int64_t count : counts) all += count;
  return all;
}

std::optional<Fire> last_fire_noticed(db::Session& db, const ScheduleKey& schedule, Instant now) {
  return db.one("SELECT " FIRE_COLUMNS R"sql( FROM fires
      WHERE schedule_key = :schedule AND noticed_at <= :now ORDER BY nominal DESC LIMIT 1)sql",
                to_fire, {{"schedule", schedule}, {"now", now}});
}

bool has_fire(db::Session& db, const ScheduleKey& schedule, Instant nominal) {
  return db
      .one("SELECT 1 FROM fires WHERE schedule_key = :schedule AND nominal = :nominal",
           [](const db::Row& row) { return row.get<int>(0); },
           {{"schedule", schedule}, {"nominal", nominal}})
      .has_value();
}

std::optional<Run> last_queued_run(db::Session& db) {
  return db.one("SELECT " RUN_COLUMNS
                " FROM runs WHERE status = 'queued' AND fire_due_at IS NULL"
                " ORDER BY due_at DESC, id DESC LIMIT 1",
                to_run);
}

std::vector<Run> list_runs_queued_after(db::Session& db, Instant after, int limit) {
  return db.all("SELECT " RUN_COLUMNS
                " FROM runs WHERE status = 'queued' AND due_at > :after AND queued_at > :after"
                " AND fire_due_at IS NULL"
                " ORDER BY due_at DESC, id DESC LIMIT :limit",
                to_run, {{"after", after}, {"limit", limit}});
}

bool take_back_fire(db::Session& db, const Run& run, std::string_view cause, Instant now) {
  if (!end_queued_run(db, run.id, RunStatus::skipped, cause, "clock_set_back", now)) return false;
  if (run.schedule && run.scheduled_at) {
    db.execute("DELETE FROM fires WHERE schedule_key = :schedule AND nominal = :nominal",
               {{"schedule", *run.schedule}, {"nominal", *run.scheduled_at}});
  }
  return true;
}

bool make_due(db::Session& db, const RunId& run, Instant now) {
  return db.execute(
             "UPDATE runs SET due_at = :now, queued_at = :now, deadline = :deadline"
             " WHERE id = :id AND " THIS_RUN_WAITS,
             {{"now", now}, {"deadline", now + queue_deadline}, {"id", run}}) == 1;
}

}  // namespace cupola::store
