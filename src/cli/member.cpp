#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct MemberOptions {
  std::string login;
  std::string role;
  std::string format = "table";
  bool yes = false;
};

Result<int> list_members(const Context& context, const MemberOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"members"}), "members");
  if (!answer) return answer.error();
  Table table({"login", "role", "since (UTC)"});
  for (const auto& item : array_at(*answer, "members")) {
    const auto& member = item.get_object();
    table.add({text_at(member, "login"), text_at(member, "role"), time_at(member, "since")});
  }
  print_list(options.format, *answer, table, "There are no members.");
  return 0;
}

Result<int> set_role(const Context& context, const MemberOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer =
      api->patch(api_path({"members", options.login}), {{"role", json_text(options.role)}});
  if (!answer) return answer.error();
  print(fmt::format("{} is {} now.\n", printable(text_at(*answer, "login")),
                    text_at(*answer, "role")));
  return 0;
}

Result<int> remove_member(const Context& context, const MemberOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  if (!options.yes &&
      !is_confirmed(fmt::format("Remove {} from the organization, with all tokens there?",
                                printable(options.login)))) {
    say("Nothing was removed.");
    return 1;
  }
  const auto done = api->remove(api_path({"members", options.login}));
  if (!done) return done.error();
  print(fmt::format("{} is no member any more.\n", printable(options.login)));
  return 0;
}

}  // namespace

void add_member_commands(CLI::App& root, Context& context) {
  auto* member = root.add_subcommand("member", "People of your organization, and their roles");
  member->require_subcommand(1);

  auto* list = member->add_subcommand("list", "All members");
  auto list_options = std::make_shared<MemberOptions>();
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_members);

  auto* set = member->add_subcommand("set-role", "Give a member another role");
  auto set_options = std::make_shared<MemberOptions>();
  set->add_option("login", set_options->login, "The member")->required()->type_name("LOGIN");
  set->add_option("role", set_options->role, "viewer, operator, maintainer or owner")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "maintainer", "owner"}))
      ->type_name("ROLE");
  set_work(set, context, set_options, set_role);

  auto* remove = member->add_subcommand("remove", "Take a member out, with all tokens");
  auto remove_options = std::make_shared<MemberOptions>();
  remove->add_option("login", remove_options->login, "The member")->required()->type_name("LOGIN");
  add_yes(remove, remove_options->yes);
  set_work(remove, context, remove_options, remove_member);
}

}  // namespace cupola::cli
