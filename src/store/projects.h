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
  std::optional<Instant> deleted_at;  ///< its history is kept for a time (store/deletions.h)
};

/// Errors: conflict (the slug of the name is taken), invalid (name).
Result<Project> create_project(db::Session& db, const OrganizationKey& organization,
                               std::string_view name, std::string_view repository,
                               std::string_view directory, Instant now);

/// By id, name or slug, in this order; not those that were deleted. Not found in another
/// organization.
std::optional<Project> find_project(db::Session& db, const OrganizationKey& organization,
                                    std::string_view id_or_name);
/// Also a deleted one, by its id or the slug that it has since: "shop~1".
std::optional<Project> find_project_ever(db::Session& db, const OrganizationKey& organization,
                                         std::string_view id_or_name);
/// Deleted ones too.
std::optional<Project> find_project(db::Session& db, const ProjectKey& key);

/// In the order of their names, at most `limit`, after the name `after`.
std::vector<Project> list_projects(db::Session& db, const OrganizationKey& organization,
                                   std::string_view after, int limit);

/// Gives the project a new id. Nothing else names it by its id: all goes on.
std::string rotate_project_id(db::Session& db, const ProjectKey& project);

/// Gives it what `changed` has as name, repository and directory. Errors: conflict (the slug of the
/// name is taken), invalid (name). Hold the organization before: nobody may take the name
/// meanwhile.
Result<Project> change_project(db::Session& db, const Project& changed);

}  // namespace cupola::store
