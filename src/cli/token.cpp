#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct CreateOptions {
  std::string name = "command line";
  std::string role;
  std::string project;
  std::string deployment;
  std::string service_account;
  std::string expires_in;
  std::string format = "table";
};
struct ListOptions {
  std::string login;
  std::string service_account;
  std::string format = "table";
};
struct RevokeOptions {
  std::string id;
};

Result<int> create_token(const Context& context, const CreateOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::object body{{"name", json_text(options.name)}};
  const auto add = [&](const char* member, const std::string& value) {
    if (!value.empty()) body[member] = json_text(value);
  };
  add("role", options.role);
  add("project", options.project);
  add("deployment", options.deployment);
  add("service_account", options.service_account);
  add("expires_in", options.expires_in);
  const auto made = api->post(api_path({"tokens"}), body);
  if (!made) return made.error();
  if (options.format == "json") {
    print(pretty(*made));
    return 0;
  }
  print(text_at(*made, "token") + "\n");
  say(fmt::format("Token {} of {}; it is not shown again.", text_at(*made, "id"),
                  printable(text_at(*made, "holder"))));
  return 0;
}

std::string reach_of(const json::object& token) {
  const std::string project = text_at(token, "project");
  const std::string deployment = text_at(token, "deployment");
  if (project.empty()) return "all";
  return deployment.empty() ? project : project + "/" + deployment;
}

Result<int> list_tokens(const Context& context, const ListOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->list(api_path({"tokens"}), "tokens",
                {{"login", options.login}, {"service_account", options.service_account}});
  if (!answer) return answer.error();
  Table table(
      {"id", "name", "holder", "role", "reaches", "status", "expires (UTC)", "last used (UTC)"});
  for (const auto& item : array_at(*answer, "tokens")) {
    const auto& token = item.get_object();
    table.add({text_at(token, "id"), text_at(token, "name"), text_at(token, "holder"),
               text_at(token, "role", "holder's"), reach_of(token), text_at(token, "status"),
               time_at(token, "expires_at"), time_at(token, "last_used_at")});
  }
  print_list(options.format, *answer, table, "There are no tokens.");
  return 0;
}

Result<int> revoke_token(const Context& context, const RevokeOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto done = api->remove(api_path({"tokens", options.id}));
  if (!done) return done.error();
  print(fmt::format("Token {} is revoked.\n", printable(options.id)));
  return 0;
}

}  // namespace

void add_token_commands(CLI::App& root, Context& context) {
  auto* token = root.add_subcommand("token", "Tokens for you and for service accounts");
  token->require_subcommand(1);

  auto* create = token->add_subcommand("create", "Create a token; it is shown this once");
  auto options = std::make_shared<CreateOptions>();
  create->add_option("--name,-n", options->name, "What it is for")
      ->type_name("NAME")
      ->capture_default_str();
  create->add_option("--service-account", options->service_account, "For whom, if not for you")
      ->type_name("NAME");
  add_role(create, options->role, "What it may at most, if less than its holder");
  add_project(create, options->project, false);
  add_deployment(create, options->deployment, false);
  create
      ->add_option("--expires-in", options->expires_in, "How long it is good; for ever unless said")
      ->type_name("SPAN");
  add_format(create, options->format);
  set_work(create, context, options, create_token);

  auto* list = token->add_subcommand("list", "Your tokens; for owners all of the organization");
  auto list_options = std::make_shared<ListOptions>();
  list->add_option("--login", list_options->login, "Only this member's")->type_name("LOGIN");
  list->add_option("--service-account", list_options->service_account, "Only this account's")
      ->type_name("NAME");
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_tokens);

  auto* revoke = token->add_subcommand("revoke", "Make a token useless, at once");
  auto revoke_options = std::make_shared<RevokeOptions>();
  revoke->add_option("id", revoke_options->id, "Its id, as list shows it")
      ->required()
      ->type_name("ID");
  set_work(revoke, context, revoke_options, revoke_token);
}

}  // namespace cupola::cli
