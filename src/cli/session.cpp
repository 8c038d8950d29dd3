#include <fmt/format.h>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct LoginOptions {
  std::string url;
};
struct WhoamiOptions {
  std::string format = "table";
};

Result<json::object> ask_who(const Login& login) {
  return Api{login}.get(api_path({"whoami"}));
}

std::string shown_member(const json::object& who) {
  return fmt::format("{} ({}) in {}", text_at(who, "login"), text_at(who, "role"),
                     text_at(object_at(who, "organization"), "name"));
}

Result<int> sign_in(const Context& context, const LoginOptions& options) {
  auto login = find_login(options.url.empty() ? context.url : options.url);
  if (!login) return login.error();
  auto token = read_secret(fmt::format("Token for {}", login->url));
  if (!token) return token.error();
  login->token = std::move(*token);
  const auto who = ask_who(*login);
  if (!who) return who.error();
  keep_login(*login);
  say(fmt::format("Signed in to {} as {}.", login->url, shown_member(*who)));
  return 0;
}

Result<int> sign_out(const Context&, const WhoamiOptions&) {
  say(forget_login() ? "Signed out. The token is still valid on the server."
                     : "You were not signed in.");
  return 0;
}

Result<int> show_who(const Context& context, const WhoamiOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto who = api->get(api_path({"whoami"}));
  if (!who) return who.error();
  Table table({"login", "role", "organization", "account", "organization id", "server"});
  const auto& organization = object_at(*who, "organization");
  table.add({text_at(*who, "login"), text_at(*who, "role"), text_at(organization, "name"),
             text_at(organization, "account_number"), text_at(organization, "id"), api->url()});
  // The token is of one organization; the others need tokens of their own.
  for (const auto& item : array_at(*who, "organizations")) {
    const auto& other = item.get_object();
    if (flag_at(other, "current")) continue;
    table.add({text_at(*who, "login"), text_at(other, "role"), text_at(other, "name"), "-", "-",
               api->url()});
  }
  print_list(options.format, *who, table, "");
  return 0;
}

}  // namespace

void add_session_commands(CLI::App& root, Context& context) {
  auto* login = root.add_subcommand("login", "Keep a server's address and your token");
  auto login_options = std::make_shared<LoginOptions>();
  login->add_option("url", login_options->url, "Address of the server")->type_name("URL");
  login->footer(
      "The token is asked for, or read from standard input; it is kept in your "
      "configuration folder,\nreadable by you alone.");
  set_work(login, context, login_options, sign_in);

  auto* logout = root.add_subcommand("logout", "Forget what login kept");
  set_work(logout, context, std::make_shared<WhoamiOptions>(), sign_out);

  auto* whoami = root.add_subcommand("whoami", "Who you are, where, and what you may do");
  auto options = std::make_shared<WhoamiOptions>();
  add_format(whoami, options->format);
  set_work(whoami, context, options, show_who);
}

}  // namespace cupola::cli
