#include "store/deletions.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include "store/backfills.h"
#include "store/notifications.h"
#include "store/runs.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

constexpr std::string_view cancel_code = "deployment_deleted";

std::int64_t count(db::Session& db, const std::string& sql, const db::Params& params) {
  return db
      .one(
          sql, [](const db::Row& row) { return row.get<std::int64_t>(0); }, params)
      .value_or(0);
}

/// "prod~2": a slug that no name has, with the first number that is free.
std::string past_slug(const std::string& slug, const std::vector<std::string>& taken) {
  std::int64_t last = 0;
  for (const std::string& other : taken) {
    if (!other.starts_with(slug + "~")) continue;
    std::int64_t number = 0;
    std::from_chars(other.data() + slug.size() + 1, other.data() + other.size(), number);
    last = std::max(last, number);
  }
  return fmt::format("{}~{}", slug, last + 1);
}

std::vector<std::string> texts(db::Session& db, std::string_view sql, const db::Params& params) {
  return db.all(
      sql, [](const db::Row& row) { return row.get<std::string>(0); }, params);
}

// First the schedules: a scheduler that is at one has queued its run, or finds it switched off.
void end_schedules(db::Session& db, const DeploymentKey& deployment) {
  db.execute(R"sql(
      UPDATE schedules SET present = 0, enabled = 0, planned = 0, due_at = NULL, due_nominal = NULL
      WHERE deployment_key = :deployment)sql",
             {{"deployment", deployment}});
  db.tell(topics::schedules);
}

/// Who builds one finds at its next renewal that it is no longer its own.
void end_releases(db::Session& db, const DeploymentKey& deployment, Instant now) {
  db.execute(R"sql(
      UPDATE releases SET status = 'failed', error = 'The deployment was deleted.',
        ended_at = :now, worker = NULL, lease_ends = NULL
      WHERE deployment_key = :deployment AND status IN ('queued', 'building'))sql",
             {{"now", now}, {"deployment", deployment}});
  db.execute(R"sql(
      UPDATE releases SET status = 'retired', ended_at = :now
      WHERE deployment_key = :deployment AND status = 'live')sql",
             {{"now", now}, {"deployment", deployment}});
  db.tell(topics::releases);
}

void cancel_runs(db::Session& db, const OrganizationKey& organization,
                 const DeploymentKey& deployment, Instant now) {
  const auto open = db.all(
      "SELECT id FROM runs WHERE deployment_key = :deployment AND ended_at IS NULL ORDER BY id",
      [](const db::Row& row) { return row.get<RunId>(0); }, {{"deployment", deployment}});
  for (const RunId& run : open) {
    // One that has ended meanwhile needs no stop.
    [[maybe_unused]] const auto stopped = request_stop(db, organization, run, cancel_code, now);
  }
}

/// Notifications of one deployment stay until they have told of its last run.
void drop_notifications_if_silent(db::Session& db, const OrganizationKey& organization,
                                  const DeploymentKey& deployment) {
  const auto speaks = db.one(R"sql(
      SELECT 1 FROM deployments d WHERE d.key = :deployment AND
        (EXISTS (SELECT 1 FROM runs r WHERE r.deployment_key = d.key AND r.ended_at IS NULL)
         OR EXISTS (SELECT 1 FROM notification_events e
                    WHERE e.deployment_key = d.key AND e.handled = 0)
         OR EXISTS (SELECT 1 FROM notifications n
                    JOIN notification_deliveries m ON m.notification_id = n.id
                    WHERE n.organization_key = d.organization_key AND n.deployment_key = d.key
                      AND m.status = 'waiting')))sql",
                             [](const db::Row&) { return true; }, {{"deployment", deployment}});
  if (!speaks) delete_notifications_of(db, organization, {.deployment = deployment});
}

void bury(db::Session& db, const OrganizationKey& organization, const ProjectKey& project,
          const DeploymentKey& deployment, const std::string& slug, Instant now) {
  end_schedules(db, deployment);
  end_releases(db, deployment, now);
  stop_backfills_of(db, deployment, "The deployment was deleted.", now);
  const auto taken = texts(db, R"sql(
      SELECT slug FROM deployments WHERE project_key = :project AND deleted_at IS NOT NULL)sql",
                           {{"project", project}});
  db.execute(R"sql(
      UPDATE deployments SET status = 'deleted', release_key = NULL, slug = :slug,
        deleted_at = :now, updated_at = :now
      WHERE key = :deployment)sql",
             {{"slug", past_slug(slug, taken)}, {"now", now}, {"deployment", deployment}});
  cancel_runs(db, organization, deployment, now);
  db.execute(
      "DELETE FROM secrets WHERE organization_key = :organization AND deployment_key = :deployment",
      {{"organization", organization}, {"deployment", deployment}});
  drop_notifications_if_silent(db, organization, deployment);
}

}  // namespace

Deletion foresee_deletion(db::Session& db, const OrganizationKey& organization,
                          const ProjectKey& project,
                          const std::optional<DeploymentKey>& deployment) {
  db::Params where = {{"organization", organization}, {"project", project}};
  if (deployment) where.emplace_back("deployment", *deployment);
  const auto of = [&](std::string_view table, std::string_view more = "") {
    return count(db,
                 fmt::format("SELECT count(*) FROM {} WHERE organization_key = :organization"
                             " AND project_key = :project{}{}",
                             table, deployment ? " AND deployment_key = :deployment" : "", more),
                 where);
  };
  Deletion deletion{.open_runs = of("runs", " AND ended_at IS NULL"),
                    .ended_runs = of("runs", " AND ended_at IS NOT NULL"),
                    .releases = of("releases"),
                    .schedules = of("schedules", " AND present = 1"),
                    .enabled_schedules = of("schedules", " AND present = 1 AND enabled = 1"),
                    .secrets = of("secrets"),
                    .notifications = of("notifications"),
                    .tokens = of("tokens", " AND revoked_at IS NULL")};
  const db::Params in_project = {{"organization", organization}, {"project", project}};
  deletion.states = count(db,
                          "SELECT count(DISTINCT state_id) FROM states"
                          " WHERE organization_key = :organization AND project_key = :project",
                          in_project);
  if (!deployment) {
    deletion.deployments =
        count(db,
              "SELECT count(*) FROM deployments WHERE organization_key = :organization"
              " AND project_key = :project AND deleted_at IS NULL",
              in_project);
  }
  return deletion;
}

Result<void> delete_deployment(db::Session& db, const OrganizationKey& organization,
                               const DeploymentKey& deployment, Instant now) {
  struct Found {
    ProjectKey project;
    std::string slug;
  };
  const auto found = db.one(R"sql(
      SELECT project_key, slug FROM deployments
      WHERE organization_key = :organization AND key = :deployment AND deleted_at IS NULL
      /* pg: FOR UPDATE */)sql",
                            [](const db::Row& row) {
                              return Found{row.get<ProjectKey>(0), row.get<std::string>(1)};
                            },
                            {{"organization", organization}, {"deployment", deployment}});
  if (!found) return Error{Error::Kind::not_found, "There is no such deployment."};
  bury(db, organization, found->project, deployment, found->slug, now);
  return {};
}

Result<void> delete_project(db::Session& db, const OrganizationKey& organization,
                            const ProjectKey& project, Instant now) {
  const db::Params where = {{"organization", organization}, {"project", project}};
  const auto slug = db.one(R"sql(
      SELECT slug FROM projects
      WHERE organization_key = :organization AND key = :project AND deleted_at IS NULL
      /* pg: FOR UPDATE */)sql",
                           [](const db::Row& row) { return row.get<std::string>(0); }, where);
  if (!slug) return Error{Error::Kind::not_found, "There is no such project."};
  const auto deployments = db.all(
      "SELECT key, slug FROM deployments WHERE organization_key = :organization"
      " AND project_key = :project AND deleted_at IS NULL ORDER BY key /* pg: FOR UPDATE */",
      [](const db::Row& row) {
        return std::pair(row.get<DeploymentKey>(0), row.get<std::string>(1));
      },
      where);
  for (const auto& [deployment, own_slug] : deployments) {
    bury(db, organization, project, deployment, own_slug, now);
  }
  const auto taken = texts(db, R"sql(
      SELECT slug FROM projects
      WHERE organization_key = :organization AND deleted_at IS NOT NULL)sql",
                           {{"organization", organization}});
  db.execute("UPDATE projects SET slug = :slug, deleted_at = :now WHERE key = :project",
             {{"slug", past_slug(*slug, taken)}, {"now", now}, {"project", project}});
  for (const std::string_view statement :
       {"DELETE FROM states WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM secrets WHERE organization_key = :organization AND project_key = :project"}) {
    db.execute(statement, where);
  }
  return {};
}

bool is_over(db::Session& db, const DeploymentKey& deployment) {
  return !db.one(R"sql(
      SELECT 1 FROM deployments d WHERE d.key = :key AND (d.deleted_at IS NULL OR EXISTS
        (SELECT 1 FROM runs r WHERE r.deployment_key = d.key AND r.ended_at IS NULL)))sql",
                 [](const db::Row&) { return true; }, {{"key", deployment}});
}

bool is_over(db::Session& db, const ProjectKey& project) {
  return !db.one(R"sql(
      SELECT 1 FROM projects p WHERE p.key = :key AND (p.deleted_at IS NULL OR EXISTS
        (SELECT 1 FROM deployments d JOIN runs r ON r.deployment_key = d.key
         WHERE d.project_key = p.key AND r.ended_at IS NULL)))sql",
                 [](const db::Row&) { return true; }, {{"key", project}});
}

void drop_silent_notifications(db::Session& db) {
  const auto deleted =
      db.all(R"sql(
      SELECT DISTINCT d.organization_key, d.key FROM deployments d
      JOIN notifications n ON n.organization_key = d.organization_key AND n.deployment_key = d.key
      WHERE d.deleted_at IS NOT NULL)sql",
             [](const db::Row& row) {
               return std::pair(row.get<OrganizationKey>(0), row.get<DeploymentKey>(1));
             });
  for (const auto& [organization, deployment] : deleted) {
    drop_notifications_if_silent(db, organization, deployment);
  }
  // Those of a whole project speak as long as one of its deployments may.
  const auto projects =
      db.all(R"sql(
      SELECT DISTINCT p.organization_key, p.key FROM projects p
      JOIN notifications n ON n.organization_key = p.organization_key AND n.project_key = p.key
      WHERE p.deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM deployments d JOIN runs r ON r.deployment_key = d.key
                        WHERE d.project_key = p.key AND r.ended_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM notification_events e
                        WHERE e.project_key = p.key AND e.handled = 0)
        AND NOT EXISTS (SELECT 1 FROM notifications o
                        JOIN notification_deliveries m ON m.notification_id = o.id
                        WHERE o.organization_key = p.organization_key
                          AND o.project_key = p.key AND m.status = 'waiting'))sql",
             [](const db::Row& row) {
               return std::pair(row.get<OrganizationKey>(0), row.get<ProjectKey>(1));
             });
  for (const auto& [organization, project] : projects) {
    delete_notifications_of(db, organization, {.project = project});
  }
}

std::int64_t purge_deleted(db::Session& db, const OrganizationKey& organization, Instant before) {
  const auto deployments = db.all(R"sql(
      SELECT d.key FROM deployments d
      WHERE d.organization_key = :organization AND d.deleted_at < :before
        AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.organization_key = d.organization_key
                        AND r.deployment_key = d.key))sql",
                                  [](const db::Row& row) { return row.get<DeploymentKey>(0); },
                                  {{"organization", organization}, {"before", before}});
  for (const DeploymentKey& deployment : deployments) {
    delete_notifications_of(db, organization, {.deployment = deployment});
    for (const std::string_view statement :
         {"DELETE FROM fires WHERE schedule_key IN"
          " (SELECT key FROM schedules WHERE deployment_key = :deployment)",
          "DELETE FROM secrets WHERE deployment_key = :deployment",
          "DELETE FROM backfills WHERE deployment_key = :deployment",
          "DELETE FROM schedules WHERE deployment_key = :deployment",
          "DELETE FROM releases WHERE deployment_key = :deployment",
          "DELETE FROM deployments WHERE key = :deployment"}) {
      db.execute(statement, {{"deployment", deployment}});
    }
  }
  const auto projects = db.all(R"sql(
      SELECT p.key FROM projects p
      WHERE p.organization_key = :organization AND p.deleted_at < :before
        AND NOT EXISTS (SELECT 1 FROM deployments d WHERE d.project_key = p.key))sql",
                               [](const db::Row& row) { return row.get<ProjectKey>(0); },
                               {{"organization", organization}, {"before", before}});
  for (const ProjectKey& project : projects) {
    delete_notifications_of(db, organization, {.project = project});
    for (const std::string_view statement : {"DELETE FROM states WHERE project_key = :project",
                                             "DELETE FROM secrets WHERE project_key = :project",
                                             "DELETE FROM projects WHERE key = :project"}) {
      db.execute(statement, {{"project", project}});
    }
  }
  return static_cast<std::int64_t>(deployments.size() + projects.size());
}

}  // namespace cupola::store
