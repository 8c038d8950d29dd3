#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/plan.h"
#include "cli/release.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct PlanOptions {
  DeploymentName name;
  std::string branch;
  std::string environment;
  bool refresh_plugins = false;
  std::string format = "table";
};
struct ListOptions {
  DeploymentName name;
  std::size_t limit = 20;
  std::string format = "table";
};
struct LogOptions {
  DeploymentName name;
  std::int64_t release = 0;
  bool follow = false;
};

Result<int> show_plan(const Context& context, const PlanOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto plan = api->get(deployment_path(options.name, "/plan"),
                             {{"revision", options.branch},
                              {"environment", options.environment},
                              {"refresh_plugins", options.refresh_plugins ? "true" : ""}});
  if (!plan) return plan.error();
  return print_plan(options.format, *plan, "A deploy of " + options.name.deployment);
}

Result<int> list_releases(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->list(deployment_path(options.name, "/releases"), "releases", {}, options.limit);
  if (!answer) return answer.error();
  Table table({"release", "status", "commit", "created (UTC)", "live (UTC)", "reason"});
  for (const auto& item : array_at(*answer, "releases")) {
    const auto& release = item.get_object();
    table.add({fmt::format("{}", number_at(release, "number")),
               status_cell(text_at(release, "status")),
               short_commit(text_at(release, "commit", "-")), time_at(release, "created_at"),
               time_at(release, "live_at"), text_at(release, "error")});
  }
  print_list(options.format, *answer, table, "There are no releases.");
  return 0;
}

Result<int> show_log(const Context& context, const LogOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  std::int64_t number = options.release;
  if (number == 0) {
    const auto deployment = api->get(deployment_path(options.name));
    if (!deployment) return deployment.error();
    number = number_at(object_at(*deployment, "last_release"), "number");
    if (number == 0) {
      return Error{
          Error::Kind::not_found,
          fmt::format("Deployment {} has no release", cupola::quoted(options.name.deployment)), ""};
    }
  }
  if (options.follow) {
    const auto status = follow_release(*api, options.name, number);
    if (!status) return status.error();
    say(fmt::format("Release {} is {}.", number, *status));
    return 0;
  }
  std::string text;
  const auto done =
      api->download(deployment_path(options.name, fmt::format("/releases/{}/log", number)), {},
                    [&](std::string_view chunk) {
                      text += chunk;
                      return true;
                    });
  if (!done) return done.error();
  print(printable(text));
  return 0;
}

void add_name(CLI::App* command, DeploymentName& name) {
  command->add_option("deployment,--deployment,-d", name.deployment, "The deployment")
      ->required()
      ->type_name("NAME");
  add_project(command, name.project);
}

}  // namespace

void add_release_commands(CLI::App* deployment, Context& context) {
  auto* plan = deployment->add_subcommand("plan", "What a deploy would change, without doing it");
  auto plan_options = std::make_shared<PlanOptions>();
  add_name(plan, plan_options->name);
  plan->add_option("--branch,--revision,-b", plan_options->branch, "Instead of what it follows")
      ->type_name("REVISION");
  plan->add_option("--environment,-e", plan_options->environment, "Instead of its environment")
      ->type_name("NAME");
  plan->add_flag("--refresh-plugins", plan_options->refresh_plugins,
                 "As if the plugins' requirements were resolved anew");
  add_format(plan, plan_options->format);
  set_work(plan, context, plan_options, show_plan);

  auto* releases = deployment->add_subcommand("releases", "Its releases, newest first");
  auto list_options = std::make_shared<ListOptions>();
  add_name(releases, list_options->name);
  releases->add_option("--limit", list_options->limit, "How many")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  add_format(releases, list_options->format);
  set_work(releases, context, list_options, list_releases);

  auto* logs = deployment->add_subcommand("logs", "The log of a deploy");
  auto log_options = std::make_shared<LogOptions>();
  add_name(logs, log_options->name);
  logs->add_option("--release,-r", log_options->release,
                   "Number of the release; the last one unless said")
      ->type_name("N");
  logs->add_flag("--follow,-f", log_options->follow, "Until the release is live or failed");
  set_work(logs, context, log_options, show_log);
}

}  // namespace cupola::cli
