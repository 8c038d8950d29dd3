#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct SecretOptions {
  std::string name;
  std::string project;
  std::string deployment;
  std::string format = "table";
};

std::string scope_of(const SecretOptions& options) {
  return options.deployment.empty()
             ? fmt::format("project {}", printable(options.project))
             : fmt::format("deployment {} of {}", printable(options.deployment),
                           printable(options.project));
}

Result<int> set_secret(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto value = read_secret(fmt::format("Value of {}", printable(options.name)));
  if (!value) return value.error();
  if (!is_utf8(value->reveal())) {
    return Error{Error::Kind::invalid, "The value is no UTF-8 text", "Give binary data in base64."};
  }
  const json::object body{{"value", json_text(value->reveal())}};
  const auto done = api->put(api_path({"projects", options.project, "secrets", options.name}),
                             json::serialize(body), {{"deployment", options.deployment}});
  if (!done) return done.error();
  print(fmt::format("{} is set for {}. Runs that start from now on get it.\n",
                    printable(options.name), scope_of(options)));
  return 0;
}

Result<int> list_secrets(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  auto answer = api->get(api_path({"projects", options.project, "secrets"}));
  if (!answer) return answer.error();
  if (auto* all = answer->if_contains("secrets"); all != nullptr && !options.deployment.empty()) {
    json::array wanted;
    for (const auto& item : array_at(*answer, "secrets")) {
      const std::string deployment = text_at(item.get_object(), "deployment");
      if (deployment.empty() || deployment == options.deployment) wanted.push_back(item);
    }
    *all = std::move(wanted);
  }
  Table table({"name", "deployment", "updated (UTC)"});
  for (const auto& item : array_at(*answer, "secrets")) {
    const auto& secret = item.get_object();
    table.add({text_at(secret, "name"), text_at(secret, "deployment", "all"),
               time_at(secret, "updated_at")});
  }
  print_list(options.format, *answer, table,
             "There are no secrets. Set one: cupola secret set NAME --project P");
  return 0;
}

Result<int> delete_secret(const Context& context, const SecretOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto done = api->remove(api_path({"projects", options.project, "secrets", options.name}),
                                {{"deployment", options.deployment}});
  if (!done) return done.error();
  print(fmt::format("{} is deleted for {}.\n", printable(options.name), scope_of(options)));
  return 0;
}

}  // namespace

void add_secret_commands(CLI::App& root, Context& context) {
  auto* secret =
      root.add_subcommand("secret", "Secrets: variables of runs that nobody can read back");
  secret->require_subcommand(1);

  auto* set = secret->add_subcommand("set", "Set a secret; its value is read from standard input");
  auto set_options = std::make_shared<SecretOptions>();
  set->add_option("name", set_options->name, "Name of the variable")->required()->type_name("NAME");
  add_project(set, set_options->project);
  add_deployment(set, set_options->deployment, false);
  set_work(set, context, set_options, set_secret);

  auto* list = secret->add_subcommand("list", "Names of the secrets, without their values");
  auto list_options = std::make_shared<SecretOptions>();
  add_project(list, list_options->project);
  add_deployment(list, list_options->deployment, false);
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_secrets);

  auto* remove = secret->add_subcommand("delete", "Delete a secret");
  auto delete_options = std::make_shared<SecretOptions>();
  remove->add_option("name", delete_options->name, "Name of the variable")
      ->required()
      ->type_name("NAME");
  add_project(remove, delete_options->project);
  add_deployment(remove, delete_options->deployment, false);
  set_work(remove, context, delete_options, delete_secret);
}

}  // namespace cupola::cli
