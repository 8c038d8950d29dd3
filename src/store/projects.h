#pragma once

/// Projects: a git repository and a directory in it.

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

struct Project {
  ProjectKey key;
  std::string id;  ///< ULID shape; can be rotated
  OrganizationKey organization;
  std::string name;
  std::string slug;
  std::string repository;  ///< a checked git URL; may hold no password
  std::string directory;   ///< inside the repository, "." for its root
  Instant created_at;
};

/// Errors: conflict (the slug of the name is taken), invalid (name).
Result<Project> create_project(db::Session& db, const OrganizationKey& organization,
                               std::string_view name, std::string_view repository,
                               std::string_view directory, Instant now);

/// By id, name or slug, in this order. Not found in another organization.
std::optional<Project> find_project(db::Session& db, const OrganizationKey& organization,
                                    std::string_view id_or_name);
std::optional<Project> find_project(db::Session& db, const ProjectKey& key);

/// In the order of their names, at most `limit`, after the name `after`.
std::vector<Project> list_projects(db::Session& db, const OrganizationKey& organization,
                                   std::string_view after, int limit);

/// Gives the project a new id. Nothing else names it by its id: all goes on.
std::string rotate_project_id(db::Session& db, const ProjectKey& project);

/// Takes everything of the project away: deployments, schedules, runs, states, secrets. Refused
/// (conflict) while a run of it is not final.
Result<void> delete_project(db::Session& db, const OrganizationKey& organization,
                            const ProjectKey& project);

}  // namespace cupola::store
