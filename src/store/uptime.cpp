#include "store/uptime.h"

#include "store/run_rows.h"
#include "store/schedule_rows.h"

namespace cupola::store {
namespace {

std::optional<Instant> due_after(db::Session& db, const ScheduleKey& schedule, Instant from) {
  return db.one(
      "SELECT due FROM fires WHERE schedule_key = :schedule AND nominal >= :from"
      " ORDER BY nominal LIMIT 1",
      [](const db::Row& row) { return row.get<Instant>(0); },
      {{"schedule", schedule}, {"from", from}});
}

credits::Tick to_tick(const db::Row& row) {
  credits::Tick tick{.due = row.get<Instant>(0), .count = row.get<std::int64_t>(1)};
  const auto outcome = row.get<std::string_view>(2);
  tick.is_excused = outcome == to_text(FireOutcome::skipped_overlap) ||
                    outcome == to_text(FireOutcome::skipped_credits);
  tick.is_given_up = outcome != to_text(FireOutcome::run);
  const auto word = row.get<std::optional<std::string>>(3);
  if (!word) return tick;
  const RunStatus status = status_from(*word);
  const auto started_at = row.get<std::optional<Instant>>(4);
  if (status != RunStatus::lost) tick.started_at = started_at;
  // A newer fire took its place, or somebody stopped it before it started.
  tick.is_excused = !started_at && (status == RunStatus::skipped || status == RunStatus::cancelled);
  tick.is_given_up = is_final(status);
  return tick;
}

credits::TickCount count_ticks(db::Session& db, const ScheduleKey& schedule,
                               const UptimeFilter& filter, Instant now) {
  const Instant until = filter.until;
  credits::TickCounter counter(now, due_after(db, schedule, until));
  // A run that is tried again keeps its first start among its attempts.
  db.each(R"sql(
      SELECT f.due, f.count, f.outcome, r.status,
        coalesce((SELECT min(a.started_at) FROM run_attempts a WHERE a.run_id = r.id),
                 r.started_at)
      FROM fires f LEFT JOIN runs r ON r.id = f.run_id
      WHERE f.schedule_key = :schedule AND f.nominal >= :from AND f.nominal < :until
      ORDER BY f.nominal DESC)sql",
          {{"schedule", schedule}, {"from", Instant(filter.from)}, {"until", until}},
          [&](const db::Row& row) {
            counter.add(to_tick(row));
            return true;
          });
  return counter.count();
}

}  // namespace

UptimePage list_uptime(db::Session& db, const OrganizationKey& organization,
                       const UptimeFilter& filter, std::int64_t skip, int limit, Instant now) {
  std::string sql =
      "SELECT s.key, p.name, d.name, s.name FROM schedules s"
      " JOIN projects p ON p.key = s.project_key JOIN deployments d ON d.key = s.deployment_key"
      " WHERE s.organization_key = :organization";
  db::Params params = {{"organization", organization}, {"skip", skip}, {"limit", limit + 1}};
  if (filter.project) {
    sql += " AND s.project_key = :project";
    params.emplace_back("project", *filter.project);
  }
  if (filter.deployment) {
    sql += " AND s.deployment_key = :deployment";
    params.emplace_back("deployment", *filter.deployment);
  }
  auto found = db.all(
      sql + " ORDER BY s.created_at, s.key LIMIT :limit OFFSET :skip",
      [](const db::Row& row) {
        return Uptime{.schedule = row.get<ScheduleKey>(0),
                      .project = row.get<std::string>(1),
                      .deployment = row.get<std::string>(2),
                      .name = row.get<std::string>(3),
                      .ticks = {}};
      },
      params);
  UptimePage page;
  if (found.size() > static_cast<std::size_t>(limit)) {
    found.pop_back();
    page.more = true;
  }
  for (Uptime& one : found) {
    one.ticks = count_ticks(db, one.schedule, filter, now);
    if (one.ticks.due > 0) page.schedules.push_back(std::move(one));
  }
  return page;
}

}  // namespace cupola::store
