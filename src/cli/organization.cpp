#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct ShowOptions {
  std::string format = "table";
};
struct SetOptions {
  CLI::App* command = nullptr;
  std::string name;
  std::string billing_name;
  std::string billing_address;
  std::string billing_email;
  std::string format = "table";
};

void show(const std::string& format, const json::object& organization) {
  Table table({"name", "account", "id", "billing name", "billing address", "billing e-mail"});
  std::string address = text_at(organization, "billing_address");
  std::replace(address.begin(), address.end(), '\n', ';');
  table.add({text_at(organization, "name"), text_at(organization, "account_number"),
             text_at(organization, "id"), text_at(organization, "billing_name"), address,
             text_at(organization, "billing_email")});
  print_list(format, organization, table, "");
}

Result<int> show_organization(const Context& context, const ShowOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->get(api_path({"organization"}));
  if (!answer) return answer.error();
  show(options.format, *answer);
  return 0;
}

Result<int> set_organization(const Context& context, const SetOptions& options) {
  json::object body;
  if (options.command->count("--name") > 0) body["name"] = json_text(options.name);
  if (options.command->count("--billing-name") > 0) {
    body["billing_name"] = json_text(options.billing_name);
  }
  if (options.command->count("--billing-address") > 0) {
    body["billing_address"] = json_text(options.billing_address);
  }
  if (options.command->count("--billing-email") > 0) {
    body["billing_email"] = json_text(options.billing_email);
  }
  if (body.empty()) {
    return Error{Error::Kind::invalid, "Nothing was said to be set",
                 "Give --name, --billing-name, --billing-address or --billing-email."};
  }
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->patch(api_path({"organization"}), body);
  if (!answer) return answer.error();
  show(options.format, *answer);
  return 0;
}

}  // namespace

void add_organization_commands(CLI::App& root, Context& context) {
  auto* organization = root.add_subcommand(
      "organization", "Your organization: name, account number, where bills go");
  organization->require_subcommand(1);

  auto* show_command =
      organization->add_subcommand("show", "Account number, internal id, where bills go");
  auto show_options = std::make_shared<ShowOptions>();
  add_format(show_command, show_options->format);
  set_work(show_command, context, show_options, show_organization);

  auto* set = organization->add_subcommand("set", "Change its name or where bills go");
  auto set_options = std::make_shared<SetOptions>();
  set_options->command = set;
  set->add_option("--name", set_options->name, "What to call it")->type_name("NAME");
  set->add_option("--billing-name", set_options->billing_name, "Whom they are for; empty: nobody")
      ->type_name("TEXT");
  set->add_option("--billing-address", set_options->billing_address,
                  "Where to, with a newline between its lines")
      ->type_name("TEXT");
  set->add_option("--billing-email", set_options->billing_email, "Where to by e-mail")
      ->type_name("ADDRESS");
  add_format(set, set_options->format);
  set_work(set, context, set_options, set_organization);
}

}  // namespace cupola::cli
