#include "store/deployments.h"

#include <fmt/format.h>

#include "base/text.h"
#include "store/columns.h"
#include "store/names.h"
#include "store/notifications.h"

namespace cupola::store {
namespace {

#define DEPLOYMENT_COLUMNS                                                                         \
  "d.key, d.organization_key, d.project_key, d.name, d.slug, d.environment, d.revision, d.status," \
  " d.release_key, d.created_at, d.updated_at"

constexpr Words<DeploymentStatus, 3> status_words = {{{DeploymentStatus::deploying, "deploying"},
                                                      {DeploymentStatus::live, "live"},
                                                      {DeploymentStatus::failed, "failed"}}};

Deployment to_deployment(const db::Row& row) {
  return {.key = row.get<DeploymentKey>(0),
          .organization = row.get<OrganizationKey>(1),
          .project = row.get<ProjectKey>(2),
          .name = row.get<std::string>(3),
          .slug = row.get<std::string>(4),
          .environment = row.get<std::string>(5),
          .revision = row.get<std::string>(6),
          .status = value_in_column(status_words, row.get<std::string>(7)),
          .release = row.get<std::optional<ReleaseKey>>(8),
          .created_at = row.get<Instant>(9),
          .updated_at = row.get<Instant>(10)};
}

}  // namespace

std::string_view to_text(DeploymentStatus status) {
  return word_for(status_words, status);
}

Result<Deployment> create_deployment(db::Session& db, const OrganizationKey& organization,
                                     const ProjectKey& project, std::string_view name,
                                     std::string_view environment, std::string_view revision,
                                     Instant now) {
  if (const auto checked = check_name_with_slug("a deployment", name); !checked) {
    return checked.error();
  }
  const Deployment made{.key = new_id<DeploymentKey>(),
                        .organization = organization,
                        .project = project,
                        .name = std::string(name),
                        .slug = slug(name),
                        .environment = std::string(environment),
                        .revision = std::string(revision),
                        .created_at = now,
                        .updated_at = now};
  const auto added = db.execute(R"sql(
      INSERT INTO deployments (key, organization_key, project_key, name, slug, environment, revision,
                               status, created_at, updated_at)
      VALUES (:key, :organization, :project, :name, :slug, :environment, :revision, :status, :now,
              :now)
      ON CONFLICT (project_key, slug) DO NOTHING)sql",
                                {{"key", made.key},
                                 {"organization", organization},
                                 {"project", project},
                                 {"name", made.name},
                                 {"slug", made.slug},
                                 {"environment", made.environment},
                                 {"revision", made.revision},
                                 {"status", to_text(made.status)},
                                 {"now", now}});
  if (added == 1) return made;
  return Error{
      Error::Kind::conflict,
      fmt::format("The project has a deployment with the short name {} already.", made.slug),
      "Update that one, delete it to deploy another environment, or choose another name."};
}

std::optional<Deployment> find_deployment(db::Session& db, const OrganizationKey& organization,
                                          const ProjectKey& project, std::string_view name) {
  return db.one("SELECT " DEPLOYMENT_COLUMNS R"sql( FROM deployments d
      WHERE d.organization_key = :organization AND d.project_key = :project
        AND (d.name = :name OR d.slug = :name)
      ORDER BY CASE WHEN d.name = :name THEN 0 ELSE 1 END LIMIT 1)sql",
                to_deployment,
                {{"organization", organization}, {"project", project}, {"name", name}});
}

std::optional<Deployment> find_deployment(db::Session& db, const DeploymentKey& key) {
  return db.one("SELECT " DEPLOYMENT_COLUMNS " FROM deployments d WHERE d.key = :key",
                to_deployment, {{"key", key}});
}

std::vector<Deployment> list_deployments(db::Session& db, const OrganizationKey& organization,
                                         const std::optional<ProjectKey>& project,
                                         std::string_view after, int limit) {
  std::string sql =
      "SELECT " DEPLOYMENT_COLUMNS " FROM deployments d WHERE d.organization_key = :organization";
  db::Params params = {{"organization", organization}, {"limit", limit}};
  if (project) {
    sql += " AND d.project_key = :project";
    params.emplace_back("project", *project);
  }
  if (!after.empty()) {
    sql += R"sql( AND (d.name /* pg: COLLATE "C" */, d.key) >
      (SELECT name, key FROM deployments WHERE organization_key = :organization AND key = :after))sql";
    params.emplace_back("after", after);
  }
  sql += R"sql( ORDER BY d.name /* pg: COLLATE "C" */, d.key LIMIT :limit)sql";
  return db.all(sql, to_deployment, params);
}

void set_revision(db::Session& db, const DeploymentKey& deployment, std::string_view revision,
                  Instant now) {
  db.execute("UPDATE deployments SET revision = :revision, updated_at = :now WHERE key = :key",
             {{"revision", revision}, {"now", now}, {"key", deployment}});
}

Result<void> delete_deployment(db::Session& db, const OrganizationKey& organization,
                               const DeploymentKey& deployment) {
  const db::Params where = {{"organization", organization}, {"deployment", deployment}};
  const auto found = db.one(R"sql(
      SELECT (SELECT count(*) FROM runs WHERE deployment_key = d.key AND ended_at IS NULL)
      FROM deployments d WHERE d.organization_key = :organization AND d.key = :deployment
      /* pg: FOR UPDATE */)sql",
                            [](const db::Row& row) { return row.get<std::int64_t>(0); }, where);
  if (!found) return Error{Error::Kind::not_found, "There is no such deployment."};
  if (*found > 0) {
    return Error{Error::Kind::conflict,
                 fmt::format("{} of its runs {} not ended.", *found, *found == 1 ? "has" : "have"),
                 "Stop them, or wait for them, then delete the deployment."};
  }
  delete_notifications_of(db, organization, {.deployment = deployment});
  for (const std::string_view statement :
       {"DELETE FROM fires WHERE schedule_key IN (SELECT key FROM schedules"
        " WHERE organization_key = :organization AND deployment_key = :deployment)",
        "DELETE FROM runs WHERE organization_key = :organization AND deployment_key = :deployment",
        "DELETE FROM secrets WHERE organization_key = :organization AND deployment_key = "
        ":deployment",
        "DELETE FROM backfills WHERE organization_key = :organization AND deployment_key = "
        ":deployment",
        "DELETE FROM schedules WHERE organization_key = :organization"
        " AND deployment_key = :deployment",
        "DELETE FROM releases WHERE organization_key = :organization"
        " AND deployment_key = :deployment",
        "DELETE FROM deployments WHERE organization_key = :organization AND key = :deployment"}) {
    db.execute(statement, where);
  }
  return {};
}

}  // namespace cupola::store
