#include "api/audit.h"
#include "api/cursor.h"
#include "api/etag.h"
#include "api/handlers.h"
#include "api/input.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "store/hold.h"

namespace cupola::api {
namespace {

constexpr std::size_t longest_name = 100;
constexpr std::size_t longest_repository = 2000;
constexpr std::size_t longest_directory = 1000;

}  // namespace

Result<http::Reply> list_projects(const Call& call) {
  Query query(call);
  const int limit = query.limit();
  const std::string after = name_cursor(query, "projects");
  if (query.fault()) return *query.fault();

  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    json::array items;
    if (const auto& only = call.member.reach.project) {
      if (const auto project = store::find_project(db, *only))
        items.emplace_back(to_json(*project));
      return list_reply("projects", std::move(items));
    }
    const auto projects = store::list_projects(db, call.organization(), after, limit + 1);
    std::string next;
    for (std::size_t i = 0; i < projects.size(); ++i) {
      if (i == static_cast<std::size_t>(limit)) {
        next = name_cursor_of("projects", projects[i - 1].name);
        break;
      }
      items.emplace_back(to_json(projects[i]));
    }
    return list_reply("projects", std::move(items), next);
  });
}

Result<http::Reply> create_project(const Call& call) {
  Body body(call, {"name", "repository", "directory"});
  const std::string name = body.text("name", longest_name);
  const std::string repository = body.text("repository", longest_repository);
  const std::string directory = body.optional_text("directory", longest_directory, ".");
  if (body.fault()) return *body.fault();
  const Result<Hooks::Source> source =
      call.context.hooks.check_source(repository, directory.empty() ? "." : directory);
  if (!source) return source.error();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    // Nobody takes the name meanwhile by renaming.
    store::hold(db, call.organization());
    const Result<store::Project> project = store::create_project(
        db, call.organization(), name, source->repository, source->directory, call.now);
    if (!project) return project.error();
    audit(call, db,
          {.action = "project.create",
           .name = project->name,
           .id = project->id,
           .after = settings_of(*project)});
    return json_reply(201, to_json(*project));
  });
}

Result<http::Reply> show_project(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::Project> project = project_of(call, db);
    if (!project) return project.error();
    return tagged_reply(200, to_json(*project), etag_of(settings_of(*project)));
  });
}

/// PATCH …/{project} gives it another name, repository or directory: 200. What is live stays; the
/// next update takes the commit from there.
Result<http::Reply> change_project(const Call& call) {
  Body body(call, {"name", "repository", "directory"});
  const auto given = [&](std::string_view key, std::size_t longest) {
    return body.has(key) ? body.text(key, longest) : std::string();
  };
  const std::string name = given("name", longest_name);
  const std::string repository = given("repository", longest_repository);
  const std::string directory = given("directory", longest_directory);
  if (name.empty() && repository.empty() && directory.empty()) {
    body.refuse("There is nothing to change.", "Give \"name\", \"repository\" or \"directory\".");
  }
  if (body.fault()) return *body.fault();

  return write_once(call, [&](db::Session& db) -> Result<http::Reply> {
    store::hold(db, call.organization());
    const Result<store::Project> project = held_project_of(call, db);
    if (!project) return project.error();
    if (auto refused = mismatch(call, etag_of(settings_of(*project)))) return *std::move(refused);
    store::Project wanted = *project;
    if (!name.empty()) wanted.name = name;
    if (!repository.empty() || !directory.empty()) {
      const Result<Hooks::Source> source =
          call.context.hooks.check_source(repository.empty() ? project->repository : repository,
                                          directory.empty() ? project->directory : directory);
      if (!source) return source.error();
      wanted.repository = source->repository;
      wanted.directory = source->directory;
    }
    const Result<store::Project> changed = store::change_project(db, wanted);
    if (!changed) return changed.error();
    audit(call, db,
          {.action = "project.change",
           .name = changed->name,
           .id = changed->id,
           .before = settings_of(*project),
           .after = settings_of(*changed)});
    return tagged_reply(200, to_json(*changed), etag_of(settings_of(*changed)));
  });
}

}  // namespace cupola::api
