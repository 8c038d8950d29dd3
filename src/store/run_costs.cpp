#include "store/run_costs.h"

#include <vector>

#include "credits/month.h"
#include "store/run_rows.h"

namespace cupola::store {

RunCost cost_at_end(db::Session& db, const RunId& run, const RunResult* last) {
  std::vector<credits::Attempt> attempts;
  bool is_frequent = last != nullptr && last->is_frequent.value_or(false);
  db.each(R"sql(
      SELECT r.frequent, a.status, a.run_time, a.egress_bytes
      FROM runs r LEFT JOIN run_attempts a ON a.run_id = r.id
      WHERE r.id = :run ORDER BY a.attempt)sql",
          {{"run", run}}, [&](const db::Row& row) {
            is_frequent = row.get<std::optional<bool>>(0).value_or(is_frequent);
            if (const auto status = row.get<std::optional<std::string>>(1)) {
              attempts.push_back({.lost = status_from(*status) == RunStatus::lost,
                                  .run_time = row.get<std::optional<std::chrono::milliseconds>>(2),
                                  .egress_bytes = row.get<std::optional<std::int64_t>>(3)});
            }
            return true;
          });
  if (last != nullptr) {
    attempts.push_back({.lost = last->status == RunStatus::lost,
                        .run_time = last->run_time,
                        .egress_bytes = last->egress_bytes});
  }
  RunCost cost{.use = credits::use_of(attempts), .cost = {}};
  if (cost.use) cost.cost = credits::cost_of(*cost.use, is_frequent);
  return cost;
}

void add_cost_params(db::Params& params, const credits::Cost& cost) {
  params.emplace_back("credits_base", cost.base.hundredths);
  params.emplace_back("credits_run_time", cost.run_time.hundredths);
  params.emplace_back("credits_egress", credits::hundredths_of(cost.egress));
}

void charge(db::Session& db, const RunId& run, const RunCost& cost, Instant ended_at) {
  if (!cost.use) return;
  db::Params params = {{"day", credits::day_of(ended_at).time_since_epoch().count()},
                       {"ended_at", ended_at},
                       {"run_time", cost.use->run_time},
                       {"egress_bytes", cost.use->egress_bytes},
                       {"run", run}};
  add_cost_params(params, cost.cost);
  db.execute(R"sql(
      INSERT INTO run_costs (run_id, organization_key, project_key, deployment_key, schedule_name,
        project_name, deployment_name, day, ended_at, credits_base, credits_run_time,
        credits_egress, run_time, egress_bytes)
      SELECT r.id, r.organization_key, r.project_key, r.deployment_key,
        coalesce(r.schedule_name, ''), p.name, d.name, :day, :ended_at, :credits_base,
        :credits_run_time, :credits_egress, :run_time, :egress_bytes
      FROM runs r JOIN projects p ON p.key = r.project_key
      JOIN deployments d ON d.key = r.deployment_key WHERE r.id = :run)sql",
             params);
}

}  // namespace cupola::store
