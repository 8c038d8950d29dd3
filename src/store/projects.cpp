#include "store/projects.h"

#include <fmt/format.h>

#include "base/text.h"
#include "store/names.h"

namespace cupola::store {
namespace {

#define PROJECT_COLUMNS \
  "key, id, organization_key, name, slug, repository, directory, created_at, deleted_at"

Project to_project(const db::Row& row) {
  return {.key = row.get<ProjectKey>(0),
          .id = row.get<std::string>(1),
          .organization = row.get<OrganizationKey>(2),
          .name = row.get<std::string>(3),
          .slug = row.get<std::string>(4),
          .repository = row.get<std::string>(5),
          .directory = row.get<std::string>(6),
          .created_at = row.get<Instant>(7),
          .deleted_at = row.get<std::optional<Instant>>(8)};
}

Error name_taken(const std::string& slug) {
  return {Error::Kind::conflict,
          fmt::format("There is a project with the short name {} already.", slug),
          "Choose another name."};
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
  return name_taken(made.slug);
}

std::optional<Project> find_project(db::Session& db, const OrganizationKey& organization,
                                    std::string_view id_or_name) {
  return db.one("SELECT " PROJECT_COLUMNS R"sql( FROM projects
      WHERE organization_key = :organization AND deleted_at IS NULL
        AND (id = :name OR name = :name OR slug = :name)
      ORDER BY CASE WHEN id = :name THEN 0 WHEN name = :name THEN 1 ELSE 2 END LIMIT 1)sql",
                to_project, {{"organization", organization}, {"name", id_or_name}});
}

std::optional<Project> find_project_ever(db::Session& db, const OrganizationKey& organization,
                                         std::string_view id_or_name) {
  if (auto present = find_project(db, organization, id_or_name)) return present;
  return db.one("SELECT " PROJECT_COLUMNS R"sql( FROM projects
      WHERE organization_key = :organization AND (id = :name OR slug = :name) LIMIT 1)sql",
                to_project, {{"organization", organization}, {"name", id_or_name}});
}

std::optional<Project> find_project(db::Session& db, const ProjectKey& key) {
  return db.one("SELECT " PROJECT_COLUMNS " FROM projects WHERE key = :key", to_project,
                {{"key", key}});
}

std::vector<Project> list_projects(db::Session& db, const OrganizationKey& organization,
                                   std::string_view after, int limit) {
  return db.all("SELECT " PROJECT_COLUMNS R"sql( FROM projects
      WHERE organization_key = :organization AND deleted_at IS NULL
        AND name /* pg: COLLATE "C" */ > :after
      ORDER BY name /* pg: COLLATE "C" */ LIMIT :limit)sql",
                to_project, {{"organization", organization}, {"after", after}, {"limit", limit}});
}

std::string rotate_project_id(db::Session& db, const ProjectKey& project) {
  const std::string id = new_random_ulid();
  db.execute("UPDATE projects SET id = :id WHERE key = :key", {{"id", id}, {"key", project}});
  return id;
}

Result<Project> change_project(db::Session& db, const Project& changed) {
  if (const auto checked = check_name_with_slug("a project", changed.name); !checked) {
    return checked.error();
  }
  Project kept = changed;
  kept.slug = slug(kept.name);
  const auto done = db.execute(R"sql(
      UPDATE projects SET name = :name, slug = :slug, repository = :repository,
        directory = :directory
      WHERE key = :key AND deleted_at IS NULL AND NOT EXISTS
        (SELECT 1 FROM projects o
         WHERE o.organization_key = :organization AND o.slug = :slug AND o.key <> :key))sql",
                               {{"name", kept.name},
                                {"slug", kept.slug},
                                {"repository", kept.repository},
                                {"directory", kept.directory},
                                {"key", kept.key},
                                {"organization", kept.organization}});
  if (done != 1) return name_taken(kept.slug);
  return kept;
}

}  // namespace cupola::store
