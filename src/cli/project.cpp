#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/deletion.h"
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
struct ChangeOptions {
  std::string project;
  std::string name;
  std::string repository;
  std::string directory;
  std::string format = "table";
};
struct DeleteOptions {
  std::string project;
  DeletionOptions deletion;
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

Result<int> change_project(const Context& context, const ChangeOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::object body;
  if (!options.name.empty()) body["name"] = json_text(options.name);
  if (!options.repository.empty()) body["repository"] = json_text(options.repository);
  if (!options.directory.empty()) body["directory"] = json_text(options.directory);
  const auto changed = api->patch(api_path({"projects", options.project}), body);
  if (!changed) return changed.error();
  print_list(options.format, *changed, table_of({*changed}), "");
  return 0;
}

Result<int> delete_project(const Context& context, const DeleteOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const std::string path = api_path({"projects", options.project});
  const auto go_on =
      confirm_deletion(*api, path, "project " + cupola::quoted(options.project), options.deletion);
  if (!go_on) return go_on.error();
  if (!*go_on) return options.deletion.dry_run ? 0 : 1;
  const auto done = api->remove(path);
  if (!done) return done.error();
  print(fmt::format("Deleted project {}.\n", printable(options.project)));
  return 0;
}

void add_name(CLI::App* command, std::string& project) {
  command->add_option("project,--project,-p", project, "The project: name or id")
      ->required()
      ->type_name("PROJECT");
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

  auto* rename = project->add_subcommand("rename", "Give a project another name");
  auto rename_options = std::make_shared<ChangeOptions>();
  add_name(rename, rename_options->project);
  rename->add_option("new_name", rename_options->name, "What to call it")
      ->required()
      ->type_name("NEW_NAME");
  add_format(rename, rename_options->format);
  set_work(rename, context, rename_options, change_project);

  auto* change =
      project->add_subcommand("change", "Say where its repository or its directory is from now on");
  auto change_options = std::make_shared<ChangeOptions>();
  add_name(change, change_options->project);
  change->add_option("--repository,-r", change_options->repository, "git URL")->type_name("URL");
  change->add_option("--directory", change_options->directory, "Folder of meltano.yml in it")
      ->type_name("DIR");
  add_format(change, change_options->format);
  set_work(change, context, change_options, change_project);

  auto* remove =
      project->add_subcommand("delete", "Delete a project; its history stays readable for a time");
  auto delete_options = std::make_shared<DeleteOptions>();
  add_name(remove, delete_options->project);
  add_deletion_options(remove, delete_options->deletion);
  set_work(remove, context, delete_options, delete_project);
}

}  // namespace cupola::cli
