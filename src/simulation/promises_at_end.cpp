#include <algorithm>
#include <utility>

#include "simulation/promises.h"
#include "store/runs.h"
#include "store/schedules.h"

namespace cupola::simulation {

void Promises::check_end() {
  check();
  check_nothing_left();
  check_fires();
}

void Promises::check_nothing_left() {
  const int stuck = unfinished(shared_.world.now());
  if (stuck > 0) broken("{} runs are not final long after the last fault", stuck);
  for (const auto& server : servers_) {
    for (const auto& process : server->host().live()) broken("{} is an orphan", process->name);
    if (!server->host().folders.empty() && !server->is_retired())
      broken("{} work folders lie about on {}", server->host().folders.size(), server->name());
  }
  for (const char* sql :
       {"SELECT count(*) FROM run_locks", "SELECT count(*) FROM states s WHERE s.final = 0",
        "SELECT count(*) FROM run_state_ids w JOIN runs r ON r.id = w.run_id"
        " WHERE r.ended_at IS NOT NULL",
        "SELECT count(*) FROM runs r WHERE r.attempt <> 1 + (SELECT count(*) FROM run_attempts a"
        " WHERE a.run_id = r.id)",
        "SELECT count(*) FROM runs WHERE ended_at IS NOT NULL AND status IN"
        " ('queued', 'starting', 'running', 'stopping')",
        // What a run costs is told when it is final, and charged once.
        "SELECT count(*) FROM runs WHERE (ended_at IS NULL) <> (credits_base IS NULL)",
        "SELECT count(*) FROM runs r WHERE (r.credits_base > 0) <>"
        " EXISTS (SELECT 1 FROM run_costs c WHERE c.run_id = r.id)",
        "SELECT count(*) FROM run_costs c WHERE c.credits_base <> 100 AND c.credits_base <> 50",
        "SELECT count(*) FROM fires f WHERE f.outcome = 'run'"
        " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = f.run_id)"}) {
    const int count = shared_.database.read([&](db::Session& db) {
      return *db.one(sql, [](const db::Row& row) { return row.get<int>(0); });
    });
    if (count > 0) broken("{} left at the end: {}", count, sql);
  }
}

void Promises::check_verdict(const std::string& name, store::Missed policy,
                             const store::Fire& fire) const {
  const auto late_by = fire.noticed_at - fire.due;
  const bool started = fire.outcome == store::FireOutcome::run;
  if (started && late_by > 24h)
    broken("{} made up for its fire of {} after {}", name, to_rfc3339(fire.nominal),
           to_text(late_by));
  if (started && policy == store::Missed::skip && late_by >= 60s)
    broken("{} started its fire of {} though it was {} late", name, to_rfc3339(fire.nominal),
           to_text(late_by));
}

void Promises::check_fires() {
  for (const auto& [key, planned] : planned_) {
    std::vector<std::set<Instant>> expected;  // of each era
    std::set<Instant> left;
    for (const Era& era : planned.eras) {
      expected.push_back(expected_fires(era));
      left.insert(expected.back().begin(), expected.back().end());
    }
    const auto [schedule, recorded] = shared_.database.read([&](db::Session& db) {
      return std::pair(*store::find_schedule(db, ScheduleKey(key)),
                       store::list_fires(db, ScheduleKey(key), 1 << 20));
    });
    const std::string& name = shared_.world.name_of(key, "schedule");
    for (const store::Fire& fire : recorded) {
      fires += static_cast<int>(fire.count);
      check_verdict(name, schedule.missed, fire);
      bool was_expected = false;
      for (const std::set<Instant>& era : expected) {
        auto covered = era.find(fire.nominal);
        if (covered == era.end()) continue;
        was_expected = true;
        // A row that counts more stands for those just before it.
        for (std::int64_t i = 0; i < fire.count; ++i) {
          left.erase(*covered);
          if (covered == era.begin()) break;
          --covered;
        }
      }
      if (!was_expected)
        broken("{} has a fire at {} that it never had", name, to_rfc3339(fire.nominal));
    }
    if (!left.empty())
      broken("{} lost {} fires, the first at {}", name, left.size(), to_rfc3339(*left.begin()));
  }
}

}  // namespace cupola::simulation
