#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/deletion.h"
#include "cli/plan.h"
#include "cli/release.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct CreateOptions {
  DeploymentName name;
  std::string environment;
  std::string branch;
  bool dry_run = false;
  bool wait = false;
  std::string format = "table";
};
struct ListOptions {
  std::string project;
  bool deleted = false;
  std::string format = "table";
};
struct UpdateOptions {
  DeploymentName name;
  std::string branch;
  std::string environment;
  bool refresh_plugins = false;
  bool force = false;
  bool preserve_git_hash = false;
  bool wait = false;
  std::string format = "table";
};
struct RollbackOptions {
  DeploymentName name;
  std::int64_t release = 0;
  bool wait = false;
  std::string format = "table";
};
struct RenameOptions {
  DeploymentName name;
  std::string new_name;
  std::string format = "table";
};
struct DeleteOptions {
  DeploymentName name;
  DeletionOptions deletion;
};

std::string release_of(const json::object& deployment) {
  const auto& release = object_at(deployment, "release");
  if (release.empty()) return "-";
  return fmt::format("{} ({})", number_at(release, "number"),
                     short_commit(text_at(release, "commit")));
}

Table table_of(const json::array& deployments) {
  Table table(
      {"deployment", "project", "environment", "revision", "status", "release", "updated (UTC)"});
  for (const auto& item : deployments) {
    const auto& deployment = item.get_object();
    table.add({text_at(deployment, "name"), text_at(deployment, "project"),
               text_at(deployment, "environment"), text_at(deployment, "revision"),
               status_cell(text_at(deployment, "status")), release_of(deployment),
               time_at(deployment, "updated_at")});
  }
  return table;
}

/// By the names under which their history is found.
Table table_of_deleted(const json::array& deployments) {
  Table table({"deployment", "was", "project", "environment", "deleted (UTC)"});
  for (const auto& item : deployments) {
    const auto& deployment = item.get_object();
    table.add({text_at(deployment, "slug"), text_at(deployment, "name"),
               text_at(deployment, "project"), text_at(deployment, "environment"),
               time_at(deployment, "deleted_at")});
  }
  return table;
}

void print_deployment(const std::string& format, const json::object& deployment) {
  print_list(format, deployment, table_of({deployment}), "");
}

/// After a release was queued: waits for it where that is wanted, and prints how it stands.
Result<int> finish(const Api& api, const DeploymentName& name, std::int64_t number, bool wait,
                   const std::string& format) {
  std::string status;
  if (wait) {
    auto followed = follow_release(api, name, number);
    if (!followed) return followed.error();
    status = *std::move(followed);
  }
  const auto deployment = api.get(deployment_path(name));
  if (!deployment) return deployment.error();
  if (format != "table") {
    print_deployment(format, *deployment);
  } else if (status == "unchanged") {
    print(fmt::format("{} is unchanged: release {} stays live.\n", printable(name.deployment),
                      number_at(object_at(*deployment, "release"), "number")));
    say("To deploy it all the same: --force.");
  } else if (wait) {
    print(fmt::format("{} is live: release {}, commit {}.\n", printable(name.deployment), number,
                      short_commit(text_at(object_at(*deployment, "release"), "commit"))));
  } else {
    print(fmt::format("Release {} of {} is queued.\n", number, printable(name.deployment)));
    say(fmt::format("Watch it: cupola deployment logs {} --project {}", printable(name.deployment),
                    printable(name.project)));
  }
  return 0;
}

Result<int> create_deployment(const Context& context, const CreateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  if (options.dry_run) {
    const auto plan =
        api->get(api_path({"projects", options.name.project, "plan"}),
                 {{"environment", options.environment}, {"revision", options.branch}});
    if (!plan) return plan.error();
    return print_plan(options.format, *plan, "A deployment " + options.name.deployment);
  }
  const auto deployment = api->post(api_path({"projects", options.name.project, "deployments"}),
                                    {{"name", json_text(options.name.deployment)},
                                     {"environment", json_text(options.environment)},
                                     {"revision", json_text(options.branch)}});
  if (!deployment) return deployment.error();
  const auto number = number_at(object_at(*deployment, "last_release"), "number", 1);
  const auto done = finish(*api, options.name, number, options.wait, options.format);
  if (done && options.wait && options.format == "table") {
    say(fmt::format(
        "Its schedules are off at first: cupola schedule list --project {} --deployment {}",
        printable(options.name.project), printable(options.name.deployment)));
  }
  return done;
}

Result<int> list_deployments(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const Query query = {{"deleted", options.deleted ? "true" : ""}};
  const auto answer =
      options.project.empty()
          ? api->list(api_path({"deployments"}), "deployments", query)
          : api->list(api_path({"projects", options.project, "deployments"}), "deployments", query);
  if (!answer) return answer.error();
  const auto& deployments = array_at(*answer, "deployments");
  if (options.deleted) {
    print_list(options.format, *answer, table_of_deleted(deployments), "None was deleted.");
    return 0;
  }
  print_list(
      options.format, *answer, table_of(deployments),
      "There are no deployments. Create one: cupola deployment create --project P --name prod "
      "--environment prod --branch main --wait");
  return 0;
}

Result<int> update_deployment(const Context& context, const UpdateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::object body;
  if (!options.branch.empty()) body["revision"] = json_text(options.branch);
  if (!options.environment.empty()) body["environment"] = json_text(options.environment);
  if (options.refresh_plugins) body["refresh_plugins"] = true;
  if (options.force) body["force"] = true;
  if (options.preserve_git_hash) body["preserve_git_hash"] = true;
  const auto release = api->post(deployment_path(options.name, "/update"), body);
  if (!release) return release.error();
  return finish(*api, options.name, number_at(*release, "number"), options.wait, options.format);
}

Result<int> roll_back(const Context& context, const RollbackOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto before = api->get(deployment_path(options.name));
  if (!before) return before.error();
  const auto release =
      api->post(deployment_path(options.name, "/rollback"), {{"release", options.release}});
  if (!release) return release.error();
  const auto done =
      finish(*api, options.name, number_at(*release, "number"), options.wait, options.format);
  if (done && options.format == "table") {
    say(
        fmt::format("It stays at that commit. To go on: cupola deployment update {} --project {} "
                    "--branch {}",
                    printable(options.name.deployment), printable(options.name.project),
                    printable(text_at(*before, "revision"))));
  }
  return done;
}

Result<int> rename_deployment(const Context& context, const RenameOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto renamed =
      api->patch(deployment_path(options.name), {{"name", json_text(options.new_name)}});
  if (!renamed) return renamed.error();
  if (options.format != "table") {
    print_deployment(options.format, *renamed);
  } else {
    print(fmt::format("Deployment {} is called {} now.\n", printable(options.name.deployment),
                      printable(text_at(*renamed, "name"))));
  }
  return 0;
}

Result<int> delete_deployment(const Context& context, const DeleteOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const std::string path = deployment_path(options.name);
  const auto go_on = confirm_deletion(
      *api, path, "deployment " + cupola::quoted(options.name.deployment), options.deletion);
  if (!go_on) return go_on.error();
  if (!*go_on) return options.deletion.dry_run ? 0 : 1;
  const auto done = api->remove(path);
  if (!done) return done.error();
  print(fmt::format("Deleted deployment {}.\n", printable(options.name.deployment)));
  say(fmt::format("Its history: cupola deployment list --project {} --deleted",
                  printable(options.name.project)));
  return 0;
}

void add_name(CLI::App* command, DeploymentName& name) {
  command->add_option("deployment,--deployment,-d", name.deployment, "The deployment")
      ->required()
      ->type_name("NAME");
  add_project(command, name.project);
}

void add_wait(CLI::App* command, bool& wait) {
  command->add_flag("--wait,-w", wait, "Show the deploy's log, and end when it is live or failed");
}

}  // namespace

void add_deployment_commands(CLI::App& root, Context& context) {
  auto* deployment =
      root.add_subcommand("deployment", "Deployments: an environment at a branch, tag or commit");
  deployment->require_subcommand(1);

  auto* create = deployment->add_subcommand("create", "Deploy an environment of a project");
  auto create_options = std::make_shared<CreateOptions>();
  add_project(create, create_options->name.project);
  create->add_option("--name,-n", create_options->name.deployment, "What to call it")
      ->required()
      ->type_name("NAME");
  create->add_option("--environment,-e", create_options->environment, "Environment of meltano.yml")
      ->required()
      ->type_name("NAME");
  create->add_option("--branch,--revision,-b", create_options->branch, "Branch, tag or commit")
      ->required()
      ->type_name("REVISION");
  create->add_flag("--dry-run", create_options->dry_run, "Say what it would be, and make nothing");
  add_wait(create, create_options->wait);
  add_format(create, create_options->format);
  set_work(create, context, create_options, create_deployment);

  auto* list = deployment->add_subcommand("list", "Deployments, with what is live");
  auto list_options = std::make_shared<ListOptions>();
  add_project(list, list_options->project, false);
  list->add_flag("--deleted", list_options->deleted,
                 "Those that were deleted, with the names of their history");
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_deployments);

  auto* update = deployment->add_subcommand("update", "Deploy what its branch holds now");
  auto update_options = std::make_shared<UpdateOptions>();
  add_name(update, update_options->name);
  update
      ->add_option("--branch,--revision,-b", update_options->branch,
                   "Follow this branch, tag or commit from now on")
      ->type_name("REVISION");
  update
      ->add_option("--environment,-e", update_options->environment,
                   "Deploy this environment from now on")
      ->type_name("NAME");
  update->add_flag("--force", update_options->force, "Also when nothing changed");
  update->add_flag("--preserve-git-hash", update_options->preserve_git_hash,
                   "Deploy the commit that is live once more, with the settings of now");
  update->add_flag("--refresh-plugins", update_options->refresh_plugins,
                   "Resolve the plugins' requirements anew");
  add_wait(update, update_options->wait);
  add_format(update, update_options->format);
  set_work(update, context, update_options, update_deployment);

  auto* rollback = deployment->add_subcommand("rollback", "Deploy an earlier release again");
  auto rollback_options = std::make_shared<RollbackOptions>();
  add_name(rollback, rollback_options->name);
  rollback
      ->add_option("--release,-r", rollback_options->release,
                   "Its number, from `deployment releases`")
      ->required()
      ->type_name("N");
  add_wait(rollback, rollback_options->wait);
  add_format(rollback, rollback_options->format);
  set_work(rollback, context, rollback_options, roll_back);

  add_release_commands(deployment, context);

  auto* rename = deployment->add_subcommand("rename", "Give a deployment another name");
  auto rename_options = std::make_shared<RenameOptions>();
  add_name(rename, rename_options->name);
  rename->add_option("new_name", rename_options->new_name, "What to call it")
      ->required()
      ->type_name("NEW_NAME");
  add_format(rename, rename_options->format);
  set_work(rename, context, rename_options, rename_deployment);

  auto* remove = deployment->add_subcommand(
      "delete", "Delete a deployment; its history stays readable for a time");
  auto delete_options = std::make_shared<DeleteOptions>();
  add_name(remove, delete_options->name);
  add_deletion_options(remove, delete_options->deletion);
  set_work(remove, context, delete_options, delete_deployment);
}

}  // namespace cupola::cli
