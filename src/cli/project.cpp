#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct CreateOptions {
  std::string name;
  std::string repository;
  std::string directory;
  std::string format = "table";
};
struct ListOptions {
  std::string format = "table";
};
struct DeleteOptions {
  std::string project;
  bool yes = false;
};

Table table_of(const json::array& projects) {
  Table table({"name", "id", "repository", "directory", "created (UTC)"});
  for (const auto& item : projects) {
    const auto& project = item.get_object();
    table.add({text_at(project, "name"), text_at(project, "id"), text_at(project, "repository"),
               text_at(project, "directory"), time_at(project, "created_at")});
  }
  return table;
}

Result<int> create_project(const Context& context, const CreateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::object body{{"name", json_text(options.name)},
                    {"repository", json_text(options.repository)}};
  if (!options.directory.empty()) body["directory"] = json_text(options.directory);
  const auto project = api->post(api_path({"projects"}), body);
  if (!project) return project.error();
  if (options.format != "table") {
    print_list(options.format, *project, table_of({*project}), "");
    return 0;
  }
  print(fmt::format("Created project {}.\n", text_at(*project, "name")));
  say(
      fmt::format("Next: cupola deployment create --project {} --name prod --environment prod "
                  "--branch main --wait",
                  text_at(*project, "slug", options.name)));
  return 0;
}

Result<int> list_projects(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"projects"}), "projects");
  if (!answer) return answer.error();
  print_list(
      options.format, *answer, table_of(array_at(*answer, "projects")),
      "There are no projects. Create one: cupola project create --name NAME --repository URL");
  return 0;
}

Result<int> delete_project(const Context& context, const DeleteOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  if (!options.yes &&
      !is_confirmed(fmt::format("Delete project {} with its deployments, runs, states and secrets?",
                                cupola::quoted(options.project)))) {
    return 1;
  }
  const auto done = api->remove(api_path({"projects", options.project}));
  if (!done) return done.error();
  print(fmt::format("Deleted project {}.\n", printable(options.project)));
  return 0;
}

}  // namespace

void add_project_commands(CLI::App& root, Context& context) {
  auto* project = root.add_subcommand("project", "Projects: git repositories with a meltano.yml");
  project->require_subcommand(1);

  auto* create = project->add_subcommand("create", "Register a git repository as a project");
  auto options = std::make_shared<CreateOptions>();
  create->add_option("--name,-n", options->name, "What to call it")->required()->type_name("NAME");
  create
      ->add_option("--repository,-r", options->repository,
                   "git URL: https, ssh, or a local path where the server allows it")
      ->required()
      ->type_name("URL");
  create
      ->add_option("--directory", options->directory,
                   "Folder of meltano.yml in it, where it is not the top")
      ->type_name("DIR");
  add_format(create, options->format);
  set_work(create, context, options, create_project);

  auto* list = project->add_subcommand("list", "All projects of your organization");
  auto list_options = std::make_shared<ListOptions>();
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_projects);

  auto* remove = project->add_subcommand("delete", "Delete a project and everything in it");
  auto delete_options = std::make_shared<DeleteOptions>();
  remove->add_option("project,--project,-p", delete_options->project, "The project: name or id")
      ->required()
      ->type_name("PROJECT");
  add_yes(remove, delete_options->yes);
  set_work(remove, context, delete_options, delete_project);
}

}  // namespace cupola::cli
