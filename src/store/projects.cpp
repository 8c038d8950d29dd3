#include "store/projects.h"

#include <fmt/format.h>

#include "base/text.h"
#include "store/names.h"
#include "store/notifications.h"

namespace cupola::store {
namespace {

#define PROJECT_COLUMNS "key, id, organization_key, name, slug, repository, directory, created_at"

Project to_project(const db::Row& row) {
  return {.key = row.get<ProjectKey>(0),
          .id = row.get<std::string>(1),
          .organization = row.get<OrganizationKey>(2),
          .name = row.get<std::string>(3),
          .slug = row.get<std::string>(4),
          .repository = row.get<std::string>(5),
          .directory = row.get<std::string>(6),
          .created_at = row.get<Instant>(7)};
}

}  // namespace

Result<Project> create_project(db::Session& db, const OrganizationKey& organization,
                               std::string_view name, std::string_view repository,
                               std::string_view directory, Instant now) {
  if (const auto checked = check_name_with_slug("a project", name); !checked) {
    return checked.error();
  }
  const Project made{.key = new_id<ProjectKey>(),
                     .id = new_random_ulid(),
                     .organization = organization,
                     .name = std::string(name),
                     .slug = slug(name),
                     .repository = std::string(repository),
                     .directory = std::string(directory),
                     .created_at = now};
  const auto added = db.execute(R"sql(
      INSERT INTO projects (key, id, organization_key, name, slug, repository, directory, created_at)
      VALUES (:key, :id, :organization, :name, :slug, :repository, :directory, :now)
      ON CONFLICT (organization_key, slug) DO NOTHING)sql",
                                {{"key", made.key},
                                 {"id", made.id},
                                 {"organization", organization},
                                 {"name", made.name},
                                 {"slug", made.slug},
                                 {"repository", made.repository},
                                 {"directory", made.directory},
                                 {"now", now}});
  if (added == 1) return made;
  return Error{Error::Kind::conflict,
               fmt::format("There is a project with the short name {} already.", made.slug),
               "Choose another name."};
}

std::optional<Project> find_project(db::Session& db, const OrganizationKey& organization,
                                    std::string_view id_or_name) {
  return db.one("SELECT " PROJECT_COLUMNS R"sql( FROM projects
      WHERE organization_key = :organization AND (id = :name OR name = :name OR slug = :name)
      ORDER BY CASE WHEN id = :name THEN 0 WHEN name = :name THEN 1 ELSE 2 END LIMIT 1)sql",
                to_project, {{"organization", organization}, {"name", id_or_name}});
}

std::optional<Project> find_project(db::Session& db, const ProjectKey& key) {
  return db.one("SELECT " PROJECT_COLUMNS " FROM projects WHERE key = :key", to_project,
                {{"key", key}});
}

std::vector<Project> list_projects(db::Session& db, const OrganizationKey& organization,
                                   std::string_view after, int limit) {
  return db.all("SELECT " PROJECT_COLUMNS R"sql( FROM projects
      WHERE organization_key = :organization AND name /* pg: COLLATE "C" */ > :after
      ORDER BY name /* pg: COLLATE "C" */ LIMIT :limit)sql",
                to_project, {{"organization", organization}, {"after", after}, {"limit", limit}});
}

std::string rotate_project_id(db::Session& db, const ProjectKey& project) {
  const std::string id = new_random_ulid();
  db.execute("UPDATE projects SET id = :id WHERE key = :key", {{"id", id}, {"key", project}});
  return id;
}

Result<void> delete_project(db::Session& db, const OrganizationKey& organization,
                            const ProjectKey& project) {
  const db::Params where = {{"organization", organization}, {"project", project}};
  const auto found = db.one(R"sql(
      SELECT (SELECT count(*) FROM runs WHERE project_key = p.key AND ended_at IS NULL)
      FROM projects p WHERE organization_key = :organization AND key = :project
      /* pg: FOR UPDATE */)sql",
                            [](const db::Row& row) { return row.get<std::int64_t>(0); }, where);
  if (!found) return Error{Error::Kind::not_found, "There is no such project."};
  if (*found > 0) {
    return Error{Error::Kind::conflict,
                 fmt::format("{} of its runs {} not ended.", *found, *found == 1 ? "has" : "have"),
                 "Stop them, or wait for them, then delete the project."};
  }
  delete_notifications_of(db, organization, {.project = project});
  for (const std::string_view statement :
       {"DELETE FROM fires WHERE schedule_key IN (SELECT key FROM schedules"
        " WHERE organization_key = :organization AND project_key = :project)",
        "DELETE FROM runs WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM states WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM secrets WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM schedules WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM releases WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM deployments WHERE organization_key = :organization AND project_key = :project",
        "DELETE FROM projects WHERE organization_key = :organization AND key = :project"}) {
    db.execute(statement, where);
  }
  return {};
}

}  // namespace cupola::store
