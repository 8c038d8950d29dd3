#include "store/schedule_failures.h"

#include <fmt/format.h>

#include "base/json.h"
#include "store/attempt_rows.h"
#include "store/audit.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

struct Failures {
  int count = 0;
  int pause_after = 0;
  bool enabled = false;
};

/// Names as the audit log keeps them.
struct Named {
  OrganizationKey organization;
  std::string schedule, project, deployment;
};

Named name(db::Session& db, const ScheduleKey& schedule) {
  return *db.one(R"sql(
      SELECT s.organization_key, s.name, p.name, d.name FROM schedules s
      JOIN projects p ON p.key = s.project_key JOIN deployments d ON d.key = s.deployment_key
      WHERE s.key = :key)sql",
                 [](const db::Row& row) {
                   return Named{.organization = row.get<OrganizationKey>(0),
                                .schedule = row.get<std::string>(1),
                                .project = row.get<std::string>(2),
                                .deployment = row.get<std::string>(3)};
                 },
                 {{"key", schedule}});
}

void pause(db::Session& db, const ScheduleKey& schedule, const std::string& cause, Instant now) {
  db.execute(R"sql(
      UPDATE schedules SET enabled = 0, planned = 0, due_at = NULL, due_nominal = NULL,
        paused_cause = :cause
      WHERE key = :key)sql",
             {{"cause", cause}, {"key", schedule}});
  const Named named = name(db, schedule);
  add_audit(db, {.organization = named.organization,
                 .at = now,
                 .actor_kind = ActorKind::server,
                 .actor = "server",
                 .action = "schedule.pause",
                 .name = named.schedule,
                 .project = named.project,
                 .deployment = named.deployment,
                 .before = json::serialize(json::object{{"enabled", true}}),
                 .after = json::serialize(
                     json::object{{"enabled", false}, {"paused_cause", json_text(cause)}})});
  db.tell(topics::schedules);
}

}  // namespace

std::optional<std::string> count_outcome(db::Session& db, const EndedRun& run, Instant now) {
  if (!run.schedule) return std::nullopt;
  if (run.status == RunStatus::succeeded) {
    db.execute("UPDATE schedules SET failures = 0 WHERE key = :key AND failures > 0",
               {{"key", *run.schedule}});
    return std::nullopt;
  }
  if (!may_be_tried_again(run.status) || run.trigger == Trigger::manual) return std::nullopt;
  const auto failures = db.one(R"sql(
      UPDATE schedules SET failures = failures + 1 WHERE key = :key
      RETURNING failures, pause_after, enabled)sql",
                               [](const db::Row& row) {
                                 return Failures{.count = row.get<int>(0),
                                                 .pause_after = row.get<int>(1),
                                                 .enabled = row.get<bool>(2)};
                               },
                               {{"key", *run.schedule}});
  if (!failures || !failures->enabled || failures->pause_after == 0 ||
      failures->count < failures->pause_after)
    return std::nullopt;
  const std::string what = failures->count == 1
                               ? "after a failure"
                               : fmt::format("after {} failures in a row", failures->count);
  pause(db, *run.schedule, fmt::format("switched off {}, the last of run {}", what, run.id.text()),
        now);
  return "its schedule is switched off " + what;
}

}  // namespace cupola::store
