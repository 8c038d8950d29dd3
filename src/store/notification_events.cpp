#include "store/notification_events.h"

#include "store/columns.h"
#include "store/notification_rows.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

/// Whether somebody of the organization might want to be told.
#define SOMEBODY_LISTENS(ORGANIZATION) \
  "EXISTS (SELECT 1 FROM notifications n WHERE n.organization_key = " ORGANIZATION ")"

#define INTO_EVENTS                                                                      \
  "INSERT INTO notification_events (id, organization_key, project_key, deployment_key, " \
  "kind, status, run_id, schedule_name, tasks, project_name, deployment_name, cause, "   \
  "cancel_code, once, handled, created_at, told_always) "

}  // namespace

NotificationEvent to_event(const db::Row& row, std::size_t first) {
  return {.id = row.get<NotificationEventId>(first),
          .organization = row.get<OrganizationKey>(first + 1),
          .project = key_or_none<ProjectKey>(row.get<std::string_view>(first + 2)),
          .deployment = key_or_none<DeploymentKey>(row.get<std::string_view>(first + 3)),
          .kind = row.get<std::string>(first + 4),
          .status = row.get<std::string>(first + 5),
          .run = key_or_none<RunId>(row.get<std::string_view>(first + 6)),
          .schedule = row.get<std::optional<std::string>>(first + 7),
          .tasks = texts_from(row.get<std::string_view>(first + 8)),
          .project_name = row.get<std::string>(first + 9),
          .deployment_name = row.get<std::string>(first + 10),
          .cause = row.get<std::optional<std::string>>(first + 11),
          .cancel_code = row.get<std::optional<std::string>>(first + 12),
          .created_at = row.get<Instant>(first + 13),
          .told_always = row.get<bool>(first + 14)};
}

void tell_outcome(db::Session& db, const RunId& run, const std::optional<std::string>& also,
                  Instant now) {
  const auto told =
      db.execute(INTO_EVENTS
                 "SELECT :id, r.organization_key, r.project_key, r.deployment_key, 'job_run',"
                 " CASE WHEN r.status IN ('timed_out', 'lost') THEN 'failed' ELSE r.status END,"
                 " r.id, r.schedule_name, r.tasks, p.name, d.name,"
                 " CASE WHEN :always = 0 THEN r.cause"
                 " ELSE rtrim(coalesce(r.cause, 'it failed'), '.') || '; ' || :also END,"
                 " r.cancel_code, NULL, 0, :now, :always"
                 " FROM runs r JOIN projects p ON p.key = r.project_key"
                 " JOIN deployments d ON d.key = r.deployment_key"
                 " WHERE r.id = :run"
                 " AND r.status IN ('succeeded', 'failed', 'cancelled', 'timed_out', 'lost')"
                 " AND " SOMEBODY_LISTENS("r.organization_key"),
                 {{"id", new_id<NotificationEventId>()},
                  {"now", now},
                  {"run", run},
                  {"always", also.has_value()},
                  {"also", also.value_or("")}});
  if (told > 0) db.tell(topics::notifications);
}

void tell_failed_deploy(db::Session& db, const ReleaseKey& release, Instant now) {
  const auto told = db.execute(
      INTO_EVENTS
      "SELECT :id, r.organization_key, r.project_key, r.deployment_key, 'deploy', 'failed',"
      " '', NULL, '[]', p.name, d.name, r.error, NULL, NULL, 0, :now, 0"
      " FROM releases r JOIN projects p ON p.key = r.project_key"
      " JOIN deployments d ON d.key = r.deployment_key"
      " WHERE r.key = :release AND " SOMEBODY_LISTENS("r.organization_key"),
      {{"id", new_id<NotificationEventId>()}, {"now", now}, {"release", release}});
  if (told > 0) db.tell(topics::notifications);
}

void tell_credits_low(db::Session& db, const OrganizationKey& organization, std::string_view cause,
                      Instant now) {
  const auto told = db.execute(
      INTO_EVENTS
      "SELECT :id, o.key, '', '', 'credits_low', 'low', '', NULL, '[]', '', '', :cause, NULL,"
      " NULL, 0, :now, 0 FROM organizations o WHERE o.key = :organization"
      " AND " SOMEBODY_LISTENS("o.key"),
      {{"id", new_id<NotificationEventId>()},
       {"cause", cause},
       {"now", now},
       {"organization", organization}});
  if (told > 0) db.tell(topics::notifications);
}

bool tell_late(db::Session& db, const LateSchedule& late, Instant now) {
  return db.execute(
             INTO_EVENTS
             "SELECT :id, s.organization_key, s.project_key, s.deployment_key, 'job_run', 'late',"
             " coalesce((SELECT r.id FROM runs r WHERE r.organization_key = s.organization_key"
             " AND r.schedule_key = s.key ORDER BY r.queued_at DESC, r.id DESC LIMIT 1), ''),"
             " s.name, '[]', p.name, d.name, :cause, NULL, :once, 0, :now, 0"
             " FROM schedules s JOIN projects p ON p.key = s.project_key"
             " JOIN deployments d ON d.key = s.deployment_key WHERE s.key = :schedule"
             " ON CONFLICT (once) DO NOTHING",
             {{"id", new_id<NotificationEventId>()},
              {"cause", late.cause},
              {"once", late.once},
              {"now", now},
              {"schedule", late.schedule}}) == 1;
}

bool is_told_late(db::Session& db, const LateSchedule& late) {
  return db
      .one("SELECT 1 FROM notification_events WHERE once = :once",
           [](const db::Row&) { return true; }, {{"once", late.once}})
      .has_value();
}

std::optional<Instant> last_success(db::Session& db, const Schedule& schedule) {
  return db.one(R"sql(
      SELECT ended_at FROM runs
      WHERE organization_key = :organization AND schedule_key = :schedule
        AND status = 'succeeded' AND ended_at IS NOT NULL
      ORDER BY queued_at DESC, id DESC LIMIT 1)sql",
                [](const db::Row& row) { return row.get<Instant>(0); },
                {{"organization", schedule.organization}, {"schedule", schedule.key}});
}

bool has_open_events(db::Session& db) {
  return db
      .one("SELECT 1 FROM notification_events WHERE handled = 0 LIMIT 1",
           [](const db::Row&) { return true; })
      .has_value();
}

std::vector<NotificationEvent> take_open_events(db::Session& db, int limit) {
  return db.all("SELECT " EVENT_COLUMNS
                " FROM notification_events e WHERE e.handled = 0 ORDER BY e.id LIMIT :limit"
                " /* pg: FOR UPDATE SKIP LOCKED */",
                to_event_alone, {{"limit", limit}});
}

void mark_handled(db::Session& db, const NotificationEventId& event) {
  // What is told once only is remembered; of what else nobody wanted nothing need be kept.
  const auto gone = db.execute(
      "DELETE FROM notification_events WHERE id = :id AND once IS NULL"
      " AND NOT EXISTS (SELECT 1 FROM notification_deliveries m WHERE m.event_id = :id)",
      {{"id", event}});
  if (gone == 1) return;
  db.execute("UPDATE notification_events SET handled = 1 WHERE id = :id", {{"id", event}});
}

std::optional<std::string> previous_outcome(db::Session& db, const NotificationEvent& event) {
  if (!event.run) return std::nullopt;
  const auto to_outcome = [](const db::Row& row) {
    return row.get<std::string_view>(0) == "succeeded" ? std::string("succeeded")
                                                       : std::string("failed");
  };
  const db::Params run = {{"run", *event.run}};
  if (event.schedule) {
    return db.one(R"sql(
        SELECT o.status FROM runs r JOIN runs o
          ON o.organization_key = r.organization_key AND o.schedule_key = r.schedule_key
        WHERE r.id = :run AND (o.queued_at, o.id) < (r.queued_at, r.id)
          AND o.status IN ('succeeded', 'failed', 'timed_out', 'lost')
        ORDER BY o.queued_at DESC, o.id DESC LIMIT 1)sql",
                  to_outcome, run);
  }
  // No index knows tasks: among the newest of the deployment, or not at all.
  return db.one(R"sql(
      SELECT l.status FROM
        (SELECT o.status, o.tasks, o.schedule_key, o.queued_at, o.id, r.tasks AS wanted
         FROM runs r JOIN runs o
           ON o.organization_key = r.organization_key AND o.deployment_key = r.deployment_key
         WHERE r.id = :run AND (o.queued_at, o.id) < (r.queued_at, r.id)
         ORDER BY o.queued_at DESC, o.id DESC LIMIT 200) AS l
      WHERE l.schedule_key IS NULL AND l.tasks = l.wanted
        AND l.status IN ('succeeded', 'failed', 'timed_out', 'lost')
      ORDER BY l.queued_at DESC, l.id DESC LIMIT 1)sql",
                to_outcome, run);
}

std::int64_t delete_old_events(db::Session& db, const OrganizationKey& organization, Instant before,
                               int limit) {
  const auto old = db.all(R"sql(
      SELECT e.id FROM notification_events e
      WHERE e.organization_key = :organization AND e.created_at < :before AND e.handled = 1
        AND NOT EXISTS (SELECT 1 FROM notification_deliveries m
                        WHERE m.event_id = e.id AND m.status = 'waiting')
        AND NOT EXISTS (SELECT 1 FROM notification_deliveries m
                        JOIN notification_deliveries g ON g.id = m.gathered_in
                        WHERE m.event_id = e.id AND g.status = 'waiting')
      ORDER BY e.created_at LIMIT :limit)sql",
                          [](const db::Row& row) { return row.get<NotificationEventId>(0); },
                          {{"organization", organization}, {"before", before}, {"limit", limit}});
  for (const NotificationEventId& event : old) {
    for (const std::string_view statement :
         {"DELETE FROM notification_attempts WHERE delivery_id IN"
          " (SELECT id FROM notification_deliveries WHERE event_id = :event)",
          "DELETE FROM notification_deliveries WHERE event_id = :event",
          "DELETE FROM notification_events WHERE id = :event"}) {
      db.execute(statement, {{"event", event}});
    }
  }
  return static_cast<std::int64_t>(old.size());
}

}  // namespace cupola::store
