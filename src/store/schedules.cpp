#include "store/schedules.h"

#include "store/columns.h"
#include "store/schedule_rows.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

template <typename Enum>
Enum from_column(std::optional<Enum> (*parse)(std::string_view), std::string_view word) {
  const auto value = parse(word);
  if (!value)
    throw Failure("The database holds a word that is not known here: " + std::string(word));
  return *value;
}

}  // namespace

Schedule to_schedule(const db::Row& row) {
  return {.key = row.get<ScheduleKey>(0),
          .organization = row.get<OrganizationKey>(1),
          .project = row.get<ProjectKey>(2),
          .deployment = row.get<DeploymentKey>(3),
          .name = row.get<std::string>(4),
          .interval = row.get<std::string>(5),
          .timezone = row.get<std::string>(6),
          .offset = std::chrono::minutes{row.get<int>(7)},
          .drawn_offset = std::chrono::minutes{row.get<int>(21)},
          .present = row.get<bool>(8),
          .enabled = row.get<bool>(9),
          .enabled_at = row.get<std::optional<Instant>>(10),
          .interval_since = row.get<Instant>(11),
          .overlap = from_column(parse_overlap, row.get<std::string_view>(12)),
          .missed = from_column(parse_missed, row.get<std::string_view>(13)),
          .run_timeout = row.get<std::chrono::milliseconds>(14),
          .retries = row.get<int>(19),
          .retry_wait = row.get<std::chrono::milliseconds>(20),
          .pause_after = row.get<int>(22),
          .failures = row.get<int>(23),
          .paused_cause = row.get<std::optional<std::string>>(24),
          .given = settings_from(row.get<std::string_view>(25)),
          .own = settings_from(row.get<std::string_view>(26)),
          .state_ids = texts_from(row.get<std::string>(15)),
          .planned = row.get<bool>(16),
          .due_at = row.get<std::optional<Instant>>(17),
          .due_nominal = row.get<std::optional<Instant>>(18)};
}

std::optional<Schedule> find_schedule(db::Session& db, const OrganizationKey& organization,
                                      const DeploymentKey& deployment, std::string_view name) {
  return db.one("SELECT " SCHEDULE_COLUMNS R"sql( FROM schedules s
      WHERE s.organization_key = :organization AND s.deployment_key = :deployment
        AND s.name = :name AND s.present = 1)sql",
                to_schedule,
                {{"organization", organization}, {"deployment", deployment}, {"name", name}});
}

std::optional<Schedule> find_schedule(db::Session& db, const ScheduleKey& key) {
  return db.one("SELECT " SCHEDULE_COLUMNS " FROM schedules s WHERE s.key = :key", to_schedule,
                {{"key", key}});
}

std::vector<Schedule> list_schedules(db::Session& db, const OrganizationKey& organization,
                                     const std::optional<ProjectKey>& project,
                                     const std::optional<DeploymentKey>& deployment,
                                     std::string_view after, int limit) {
  std::string sql = "SELECT " SCHEDULE_COLUMNS
                    " FROM schedules s WHERE s.organization_key = :organization AND s.present = 1";
  db::Params params = {{"organization", organization}, {"limit", limit}};
  if (project) {
    sql += " AND s.project_key = :project";
    params.emplace_back("project", *project);
  }
  if (deployment) {
    sql += " AND s.deployment_key = :deployment";
    params.emplace_back("deployment", *deployment);
  }
  if (!after.empty()) {
    sql += R"sql( AND (s.deployment_key, s.name /* pg: COLLATE "C" */) >
      (SELECT deployment_key, name FROM schedules
       WHERE organization_key = :organization AND key = :after))sql";
    params.emplace_back("after", after);
  }
  sql += R"sql( ORDER BY s.deployment_key, s.name /* pg: COLLATE "C" */ LIMIT :limit)sql";
  return db.all(sql, to_schedule, params);
}

std::vector<Schedule> list_all_schedules(db::Session& db, const DeploymentKey& deployment) {
  return db.all("SELECT " SCHEDULE_COLUMNS R"sql( FROM schedules s
      WHERE s.deployment_key = :deployment ORDER BY s.name /* pg: COLLATE "C" */)sql",
                to_schedule, {{"deployment", deployment}});
}

void set_enabled(db::Session& db, const ScheduleKey& schedule, bool enabled, Instant now) {
  db.execute(R"sql(
      UPDATE schedules SET enabled = :enabled, planned = 0, due_at = NULL, due_nominal = NULL,
        enabled_at = CASE WHEN :enabled = 1 THEN :now ELSE enabled_at END
      WHERE key = :key AND enabled <> :enabled)sql",
             {{"enabled", enabled}, {"now", now}, {"key", schedule}});
  db.execute("UPDATE schedules SET failures = 0, paused_cause = NULL WHERE key = :key",
             {{"key", schedule}});
  db.tell(topics::schedules);
}

std::vector<Schedule> list_unplanned_schedules(db::Session& db, int limit) {
  return db.all("SELECT " SCHEDULE_COLUMNS R"sql( FROM schedules s
      WHERE s.planned = 0 AND s.enabled = 1 AND s.present = 1 ORDER BY s.key LIMIT :limit)sql",
                to_schedule, {{"limit", limit}});
}

bool is_unchanged(db::Session& db, const Schedule& seen) {
  return db
      .one(R"sql(
      SELECT 1 FROM schedules s
      WHERE s.key = :key AND s.enabled = :enabled AND s.present = :present
        AND s.enabled_at IS NOT DISTINCT FROM :enabled_at AND s.interval = :interval
        AND s.timezone = :timezone AND s.offset_minutes = :offset
        AND s.interval_since = :since /* pg: FOR UPDATE */)sql",
           [](const db::Row&) { return true; },
           {{"key", seen.key},
            {"enabled", seen.enabled},
            {"present", seen.present},
            {"enabled_at", seen.enabled_at},
            {"interval", seen.interval},
            {"timezone", seen.timezone},
            {"offset", seen.offset.count()},
            {"since", seen.interval_since}})
      .value_or(false);
}

bool set_next_fire(db::Session& db, const ScheduleKey& schedule,
                   const std::optional<Instant>& was_due, const std::optional<Instant>& due_at,
                   const std::optional<Instant>& nominal, Instant now) {
  return db.execute(
             R"sql(
      UPDATE schedules SET planned = 1, planned_at = :now, due_at = :due_at, due_nominal = :nominal
      WHERE key = :key AND enabled = 1 AND present = 1
        AND due_at IS NOT DISTINCT FROM :was_due)sql",
             {{"now", now},
              {"due_at", due_at},
              {"nominal", nominal},
              {"key", schedule},
              {"was_due", was_due}}) == 1;
}

std::vector<Schedule> list_planned_schedules(db::Session& db, std::string_view after, int limit) {
  return db.all("SELECT " SCHEDULE_COLUMNS R"sql( FROM schedules s
      WHERE s.key > :after AND s.due_at IS NOT NULL AND s.enabled = 1 AND s.present = 1
      ORDER BY s.key LIMIT :limit)sql",
                to_schedule, {{"after", after}, {"limit", limit}});
}

std::vector<Schedule> list_due_schedules(db::Session& db, Instant after, Instant until, int limit) {
  return db.all("SELECT " SCHEDULE_COLUMNS R"sql( FROM schedules s
      WHERE s.due_at IS NOT NULL AND s.due_at > :after AND s.due_at <= :until
        AND s.enabled = 1 AND s.present = 1
      ORDER BY s.due_at, s.key LIMIT :limit)sql",
                to_schedule, {{"after", after}, {"until", until}, {"limit", limit}});
}

std::optional<Instant> next_due(db::Session& db) {
  return db.one(
      "SELECT due_at FROM schedules WHERE due_at IS NOT NULL AND enabled = 1 AND present = 1"
      " ORDER BY due_at LIMIT 1",
      [](const db::Row& row) { return row.get<Instant>(0); });
}

}  // namespace cupola::store
