#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct ServiceAccountOptions {
  std::string name;
  std::string role;
  std::string format = "table";
  bool yes = false;
};

Table table_of(const json::array& accounts) {
  Table table({"name", "role", "tokens", "created (UTC)", "last used (UTC)"});
  for (const auto& item : accounts) {
    const auto& account = item.get_object();
    table.add({text_at(account, "name"), text_at(account, "role"),
               shown_number(number_at(account, "tokens")), time_at(account, "created_at"),
               time_at(account, "last_used_at")});
  }
  return table;
}

Result<int> create_service_account(const Context& context, const ServiceAccountOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto made = api->post(api_path({"service-accounts"}), {{"name", json_text(options.name)},
                                                               {"role", json_text(options.role)}});
  if (!made) return made.error();
  if (options.format != "table") {
    print_list(options.format, *made, table_of({*made}), "");
    return 0;
  }
  print(fmt::format("Created service account {}.\n", printable(text_at(*made, "name"))));
  say(fmt::format("Next: cupola token create --service-account '{}' --name NAME",
                  printable(options.name)));
  return 0;
}

Result<int> list_service_accounts(const Context& context, const ServiceAccountOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"service-accounts"}), "service_accounts");
  if (!answer) return answer.error();
  print_list(options.format, *answer, table_of(array_at(*answer, "service_accounts")),
             "There are no service accounts. Make one: cupola service-account create NAME --role "
             "ROLE");
  return 0;
}

Result<int> set_role(const Context& context, const ServiceAccountOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->patch(api_path({"service-accounts", options.name}), {{"role", json_text(options.role)}});
  if (!answer) return answer.error();
  print(fmt::format("Service account {} is {} now.\n", printable(text_at(*answer, "name")),
                    text_at(*answer, "role")));
  return 0;
}

Result<int> delete_service_account(const Context& context, const ServiceAccountOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  if (!options.yes && !is_confirmed(fmt::format("Delete service account {} and its tokens?",
                                                printable(options.name)))) {
    say("Nothing was deleted.");
    return 1;
  }
  const auto done = api->remove(api_path({"service-accounts", options.name}));
  if (!done) return done.error();
  print(fmt::format("Deleted service account {}.\n", printable(options.name)));
  return 0;
}

}  // namespace

void add_service_account_commands(CLI::App& root, Context& context) {
  auto* account = root.add_subcommand("service-account", "Accounts of programs");
  account->require_subcommand(1);

  auto* create = account->add_subcommand("create", "Create an account for a program");
  auto create_options = std::make_shared<ServiceAccountOptions>();
  create->add_option("name", create_options->name, "What to call it")
      ->required()
      ->type_name("NAME");
  add_role(create, create_options->role, "What its tokens may at most")->required();
  add_format(create, create_options->format);
  set_work(create, context, create_options, create_service_account);

  auto* list =
      account->add_subcommand("list", "All service accounts, and when they were used last");
  auto list_options = std::make_shared<ServiceAccountOptions>();
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_service_accounts);

  auto* set = account->add_subcommand("set-role", "Give a service account another role");
  auto set_options = std::make_shared<ServiceAccountOptions>();
  set->add_option("name", set_options->name, "Its name")->required()->type_name("NAME");
  set->add_option("role", set_options->role, "viewer, operator, maintainer or owner")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "maintainer", "owner"}))
      ->type_name("ROLE");
  set_work(set, context, set_options, set_role);

  auto* remove = account->add_subcommand("delete", "Delete a service account and its tokens");
  auto remove_options = std::make_shared<ServiceAccountOptions>();
  remove->add_option("name", remove_options->name, "Its name")->required()->type_name("NAME");
  add_yes(remove, remove_options->yes);
  set_work(remove, context, remove_options, delete_service_account);
}

}  // namespace cupola::cli
