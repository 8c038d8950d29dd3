#include "store/schedules.h"

#include <algorithm>

#include "store/columns.h"
#include "store/schedule_rows.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

constexpr Words<Overlap, 3> overlap_words = {
    {{Overlap::queue_one, "queue_one"}, {Overlap::skip, "skip"}, {Overlap::allow, "allow"}}};
constexpr Words<Missed, 3> missed_words = {
    {{Missed::latest, "latest"}, {Missed::skip, "skip"}, {Missed::all, "all"}}};

void add(db::Session& db, const DeploymentKey& deployment, const ReleasedSchedule& released,
         std::chrono::minutes offset, Instant now) {
  db.execute(R"sql(
      INSERT INTO schedules (key, organization_key, project_key, deployment_key, name, interval,
        timezone, offset_minutes, present, enabled, interval_since, overlap, missed, run_timeout,
        retries, retry_wait, state_ids, planned, created_at)
      SELECT :key, organization_key, project_key, key, :name, :interval, :timezone, :offset, 1, 0,
        :now, :overlap, :missed, :run_timeout, :retries, :retry_wait, :state_ids, 0, :now
      FROM deployments WHERE key = :deployment)sql",
             {{"key", new_id<ScheduleKey>()},
              {"name", released.name},
              {"interval", released.interval},
              {"timezone", released.timezone},
              {"offset", offset.count()},
              {"now", now},
              {"overlap", to_text(released.overlap)},
              {"missed", to_text(released.missed)},
              {"run_timeout", released.run_timeout},
              {"retries", released.retries},
              {"retry_wait", released.retry_wait},
              {"state_ids", to_column(released.state_ids)},
              {"deployment", deployment}});
}

/// The settings as the release has them; what decides about the next fire is `plan_anew`'s.
void change(db::Session& db, const ScheduleKey& schedule, const ReleasedSchedule& released) {
  db.execute(R"sql(
      UPDATE schedules SET interval = :interval, timezone = :timezone, present = 1,
        overlap = :overlap, missed = :missed, run_timeout = :run_timeout, retries = :retries,
        retry_wait = :retry_wait, state_ids = :state_ids
      WHERE key = :key)sql",
             {{"interval", released.interval},
              {"timezone", released.timezone},
              {"overlap", to_text(released.overlap)},
              {"missed", to_text(released.missed)},
              {"run_timeout", released.run_timeout},
              {"retries", released.retries},
              {"retry_wait", released.retry_wait},
              {"state_ids", to_column(released.state_ids)},
              {"key", schedule}});
}

void plan_anew(db::Session& db, const ScheduleKey& schedule, Instant since) {
  db.execute(R"sql(
      UPDATE schedules SET interval_since = :since, planned = 0, due_at = NULL, due_nominal = NULL
      WHERE key = :key)sql",
             {{"since", since}, {"key", schedule}});
}

void take_away(db::Session& db, const ScheduleKey& schedule) {
  db.execute(R"sql(
      UPDATE schedules SET present = 0, planned = 0, due_at = NULL, due_nominal = NULL
      WHERE key = :key)sql",
             {{"key", schedule}});
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
          .present = row.get<bool>(8),
          .enabled = row.get<bool>(9),
          .enabled_at = row.get<std::optional<Instant>>(10),
          .interval_since = row.get<Instant>(11),
          .overlap = value_in_column(overlap_words, row.get<std::string>(12)),
          .missed = value_in_column(missed_words, row.get<std::string>(13)),
          .run_timeout = row.get<std::chrono::milliseconds>(14),
          .retries = row.get<int>(19),
          .retry_wait = row.get<std::chrono::milliseconds>(20),
          .state_ids = texts_from(row.get<std::string>(15)),
          .planned = row.get<bool>(16),
          .due_at = row.get<std::optional<Instant>>(17),
          .due_nominal = row.get<std::optional<Instant>>(18)};
}

std::string_view to_text(Overlap overlap) {
  return word_for(overlap_words, overlap);
}
std::optional<Overlap> parse_overlap(std::string_view text) {
  return value_for(overlap_words, text);
}
std::string_view to_text(Missed missed) {
  return word_for(missed_words, missed);
}
std::optional<Missed> parse_missed(std::string_view text) {
  return value_for(missed_words, text);
}

std::vector<Schedule> replace_schedules(db::Session& db, const DeploymentKey& deployment,
                                        const std::vector<ReleasedSchedule>& released,
                                        const std::function<std::chrono::minutes()>& draw_offset,
                                        Instant now) {
  const auto known = list_all_schedules(db, deployment);
  for (const ReleasedSchedule& wanted : released) {
    const auto old = std::find_if(known.begin(), known.end(), [&](const Schedule& schedule) {
      return schedule.name == wanted.name;
    });
    if (old == known.end()) {
      add(db, deployment, wanted, draw_offset(), now);
      continue;
    }
    change(db, old->key, wanted);
    const bool same_fires =
        old->present && old->interval == wanted.interval && old->timezone == wanted.timezone;
    if (!same_fires) plan_anew(db, old->key, now);
  }
  for (const Schedule& old : known) {
    const bool wanted =
        std::any_of(released.begin(), released.end(),
                    [&](const ReleasedSchedule& schedule) { return schedule.name == old.name; });
    if (!wanted && old.present) take_away(db, old.key);
  }
  db.tell(topics::schedules);
  return list_all_schedules(db, deployment);
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
        AND s.timezone = :timezone AND s.interval_since = :since /* pg: FOR UPDATE */)sql",
           [](const db::Row&) { return true; },
           {{"key", seen.key},
            {"enabled", seen.enabled},
            {"present", seen.present},
            {"enabled_at", seen.enabled_at},
            {"interval", seen.interval},
            {"timezone", seen.timezone},
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
