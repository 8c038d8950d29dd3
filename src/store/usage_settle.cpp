// Costs of runs become sums by day and schedule.

#include <algorithm>
#include <map>
#include <tuple>

#include "store/credits.h"
#include "store/usage.h"

namespace cupola::store {
namespace {

using SumKey = std::tuple<std::string, std::int64_t, std::string, std::string, std::string>;

struct Sum {
  std::int64_t runs = 0, run_time = 0, base = 0, run_time_cost = 0;
  std::optional<std::int64_t> egress, egress_bytes;
};

/// Of one organization: what is new in its account.
struct Booked {
  std::int64_t used = 0;
  Instant last;
};

/// All in the order of their keys, so that two servers do not wait for each other.
struct Taken {
  int runs = 0;
  std::map<SumKey, Sum> sums;
  std::map<std::string, std::string> names;
  std::map<OrganizationKey, Booked> accounts;
};

void grow(std::optional<std::int64_t>& to, const std::optional<std::int64_t>& by) {
  if (by) to = to.value_or(0) + *by;
}

Taken take(db::Session& db, int limit) {
  Taken taken;
  const auto add = [&](const db::Row& row) {
    const auto organization = row.get<OrganizationKey>(0);
    const auto project = row.get<std::string>(2);
    const auto deployment = row.get<std::string>(3);
    const auto base = row.get<std::int64_t>(9), run_time_cost = row.get<std::int64_t>(10);
    const auto egress = row.get<std::optional<std::int64_t>>(11);
    Sum& sum = taken.sums[{organization.text(), row.get<std::int64_t>(1), project, deployment,
                           row.get<std::string>(4)}];
    ++sum.runs;
    sum.run_time += row.get<std::int64_t>(7);
    grow(sum.egress_bytes, row.get<std::optional<std::int64_t>>(8));
    sum.base += base;
    sum.run_time_cost += run_time_cost;
    grow(sum.egress, egress);
    taken.names[project] = row.get<std::string>(5);
    taken.names[deployment] = row.get<std::string>(6);
    Booked& booked = taken.accounts[organization];
    booked.used += base + run_time_cost + egress.value_or(0);
    booked.last = std::max(booked.last, row.get<Instant>(12));
    ++taken.runs;
    return true;
  };
  db.each(R"sql(
      DELETE FROM run_costs WHERE run_id IN (
        SELECT run_id FROM run_costs ORDER BY run_id LIMIT :limit /* pg: FOR UPDATE SKIP LOCKED */)
      RETURNING organization_key, day, project_key, deployment_key, schedule_name, project_name,
        deployment_name, run_time, egress_bytes, credits_base, credits_run_time, credits_egress,
        ended_at)sql",
          {{"limit", limit}}, add);
  return taken;
}

void add_to_day(db::Session& db, const SumKey& key, const Sum& sum) {
  const auto& [organization, day, project, deployment, schedule] = key;
  db.execute(R"sql(
      INSERT INTO usage_days (organization_key, day, project_key, deployment_key, schedule_name,
        runs, credits_base, credits_run_time, credits_egress, run_time, egress_bytes)
      VALUES (:organization, :day, :project, :deployment, :schedule, :runs, :base, :run_time_cost,
        :egress, :run_time, :egress_bytes)
      ON CONFLICT (organization_key, day, project_key, deployment_key, schedule_name) DO UPDATE SET
        runs = usage_days.runs + excluded.runs,
        credits_base = usage_days.credits_base + excluded.credits_base,
        credits_run_time = usage_days.credits_run_time + excluded.credits_run_time,
        credits_egress = coalesce(usage_days.credits_egress + excluded.credits_egress,
                                  usage_days.credits_egress, excluded.credits_egress),
        run_time = usage_days.run_time + excluded.run_time,
        egress_bytes = coalesce(usage_days.egress_bytes + excluded.egress_bytes,
                                usage_days.egress_bytes, excluded.egress_bytes))sql",
             {{"organization", organization},
              {"day", day},
              {"project", project},
              {"deployment", deployment},
              {"schedule", schedule},
              {"runs", sum.runs},
              {"base", sum.base},
              {"run_time_cost", sum.run_time_cost},
              {"egress", sum.egress},
              {"run_time", sum.run_time},
              {"egress_bytes", sum.egress_bytes}});
}

}  // namespace

bool has_unsettled_usage(db::Session& db) {
  return db.one("SELECT 1 FROM run_costs LIMIT 1", [](const db::Row&) { return true; }).has_value();
}

int settle_usage(db::Session& db, int limit, Instant now) {
  const Taken taken = take(db, limit);
  for (const auto& [key, sum] : taken.sums) add_to_day(db, key, sum);
  for (const auto& [key, name] : taken.names) {
    db.execute(R"sql(
        INSERT INTO usage_names (key, name) VALUES (:key, :name)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name
        WHERE usage_names.name <> excluded.name)sql",
               {{"key", key}, {"name", name}});
  }
  for (const auto& [organization, booked] : taken.accounts) {
    db.execute(R"sql(
        INSERT INTO credit_accounts (organization_key, used, bought, low_told, stop_at_zero,
          active_at)
        VALUES (:organization, :used, 0, 0, 0, :last)
        ON CONFLICT (organization_key) DO UPDATE SET
          used = credit_accounts.used + excluded.used,
          active_at = CASE WHEN credit_accounts.active_at > excluded.active_at
                      THEN credit_accounts.active_at ELSE excluded.active_at END)sql",
               {{"organization", organization}, {"used", booked.used}, {"last", booked.last}});
    tell_if_low(db, organization, now);
  }
  return taken.runs;
}

}  // namespace cupola::store
