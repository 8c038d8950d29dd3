#include <fmt/format.h>

#include "base/text.h"
#include "cli/admin.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "store/organizations.h"
#include "store/projects.h"

namespace cupola::cli {
namespace {

struct RotateOptions {
  Place place;
  std::string organization;
  std::string project;
};

Result<int> rotate_organization_id(const Context&, const RotateOptions& options) {
  const auto database = open_database(options.place);
  const auto id = database->write([&](db::Session& db) -> Result<std::string> {
    const auto organization = store::find_organization(db, options.organization);
    if (!organization) return no_organization(options.organization, *database);
    std::string fresh = store::rotate_organization_id(db, organization->key);
    audit(db, {.organization = organization->key,
               .action = "organization.rotate_id",
               .name = organization->name,
               .id = fresh,
               .before = {{"id", organization->id}},
               .after = {{"id", fresh}}});
    return fresh;
  });
  if (!id) return id.error();
  say(fmt::format("The internal id of {} is now:", printable(options.organization)));
  print(*id + "\n");
  return 0;
}

Result<int> rotate_project_id(const Context&, const RotateOptions& options) {
  const auto database = open_database(options.place);
  const auto id = database->write([&](db::Session& db) -> Result<std::string> {
    const auto organization = store::find_organization(db, options.organization);
    if (!organization) return no_organization(options.organization, *database);
    const auto project = store::find_project(db, organization->key, options.project);
    if (!project) {
      return Error{Error::Kind::not_found,
                   fmt::format("There is no project {} in {}", cupola::quoted(options.project),
                               printable(options.organization)),
                   "`cupola project list` shows those there are."};
    }
    std::string fresh = store::rotate_project_id(db, project->key);
    audit(db, {.organization = organization->key,
               .action = "project.rotate_id",
               .name = project->name,
               .id = fresh,
               .before = {{"id", project->id}},
               .after = {{"id", fresh}}});
    return fresh;
  });
  if (!id) return id.error();
  say(fmt::format("The internal id of {} is now:", printable(options.project)));
  print(*id + "\n");
  return 0;
}

}  // namespace

void add_admin_id_commands(CLI::App* admin, Context& context) {
  auto* organization = admin->add_subcommand(
      "rotate-organization-id", "Give an organization another internal id; all else goes on");
  auto organization_options = std::make_shared<RotateOptions>();
  organization->add_option("organization", organization_options->organization, "Its name")
      ->required()
      ->type_name("NAME");
  add_place(organization, organization_options->place);
  set_work(organization, context, organization_options, rotate_organization_id);

  auto* project = admin->add_subcommand("rotate-project-id",
                                        "Give a project another internal id; all else goes on");
  auto project_options = std::make_shared<RotateOptions>();
  project->add_option("project", project_options->project, "The project: name or id")
      ->required()
      ->type_name("PROJECT");
  project->add_option("--organization", project_options->organization, "Its organization")
      ->required()
      ->type_name("NAME");
  add_place(project, project_options->place);
  set_work(project, context, project_options, rotate_project_id);
}

}  // namespace cupola::cli
