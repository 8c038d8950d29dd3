#include "store/projects.h"

#include "api/cloud/handlers.h"
#include "api/cloud/inner.h"
#include "api/cloud/objects.h"
#include "api/cloud/paging.h"
#include "api/cloud/prepared.h"
#include "api/handlers.h"
#include "api/input.h"
#include "base/text.h"

namespace cupola::api::cloud {
namespace {

constexpr int most_projects = 10'000;
constexpr std::size_t longest_text = 2000;

}  // namespace

Result<http::Reply> list_projects(const Call& call) {
  Query query(call);
  const std::string id = query.text("project_id");
  const std::string name = query.text("project_name");
  std::vector<Item> items;
  call.context.database.read([&](db::Session& db) {
    const auto& reach = call.member.reach.project;
    for (const store::Project& project :
         store::list_projects(db, call.organization(), "", most_projects)) {
      const bool is_wanted = (id.empty() || project.id == id) &&
                             (name.empty() || project.name == name) &&
                             (!reach || *reach == project.key);
      if (!is_wanted) continue;
      items.push_back({project.name, project_object(project, call.member.organization_id)});
    }
  });
  return page_of_all(call, "projects", std::move(items));
}

/// POST gives a prepared request, or 409 where the name is taken. The CLI acts on that alone, and
/// takes any other refusal here in silence for success: so what else there is to refuse, the role
/// too, is refused by the second answer.
Result<http::Reply> prepare_project(const Call& call) {
  Body body(call, {"project_name", "git_repository", "project_root_path"});
  const std::string name = body.optional_text("project_name", longest_text);
  if (!body.fault() && !name.empty() && call.member.reach.is_all()) {
    const auto taken = call.context.database.read(
        [&](db::Session& db) { return store::find_project(db, call.organization(), slug(name)); });
    if (taken && taken->slug == slug(name)) {
      return Error{Error::Kind::conflict,
                   "There is a project with the short name " + taken->slug + " already."};
    }
  }
  const Result<json::value> given = parse_json(call.request.body);
  return prepared_reply(call, http::Method::post,
                        given && given->is_object() ? given->get_object() : json::object(),
                        "prepared");
}

/// POST with a ticket: 201 with the project.
Result<http::Reply> create_project(const Call& call) {
  if (const auto checked = check_prepared(call); !checked) return checked.error();
  Body body(call, {"project_name", "git_repository", "project_root_path"});
  const json::object wanted{{"name", body.text("project_name", longest_text)},
                            {"repository", body.text("git_repository", longest_text)},
                            {"directory", body.optional_text("project_root_path", longest_text)}};
  if (body.fault()) return *body.fault();
  return api::create_project(Inner(call, wanted).call());
}

}  // namespace cupola::api::cloud
