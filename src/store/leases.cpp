#include "store/leases.h"

#include "store/run_rows.h"

namespace cupola::store {

void beat(db::Session& db, std::string_view worker) {
  db.execute(R"sql(
      INSERT INTO workers (worker, beat) VALUES (:worker, 1)
      ON CONFLICT (worker) DO UPDATE SET beat = workers.beat + 1)sql",
             {{"worker", worker}});
}

bool beat_for(db::Session& db, std::string_view worker, const Lease& lease) {
  beat(db, worker);
  return db
      .one("SELECT 1 FROM runs WHERE id = :id AND lease_token = :token AND " THIS_RUN_IS_OPEN,
           [](const db::Row&) { return true; }, {{"id", lease.run}, {"token", lease.token}})
      .value_or(false);
}

std::vector<HeldRun> list_runs_of_others(db::Session& db, std::string_view worker) {
  return db.all(
      "SELECT r.id, r.lease_token, r.worker, coalesce(w.beat, 0) FROM runs r"
      " LEFT JOIN workers w ON w.worker = r.worker"
      " WHERE r.status IN ('starting', 'running', 'stopping') AND r.worker <> :worker"
      " ORDER BY r.id",
      [](const db::Row& row) {
        return HeldRun{.lease = {.run = row.get<RunId>(0), .token = row.get<std::int64_t>(1)},
                       .worker = row.get<std::string>(2),
                       .beat = row.get<std::int64_t>(3)};
      },
      {{"worker", worker}});
}

Finish end_lost_run(db::Session& db, const HeldRun& seen, std::string_view cause, Instant now) {
  const auto beat = db.one("SELECT beat FROM workers WHERE worker = :worker",
                           [](const db::Row& row) { return row.get<std::int64_t>(0); },
                           {{"worker", seen.worker}});
  if (beat.value_or(0) != seen.beat) return Finish::stale;
  return finish_run(db, seen.lease, {.status = RunStatus::lost, .cause = std::string(cause)}, {},
                    now);
}

}  // namespace cupola::store
