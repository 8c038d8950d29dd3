#include <fmt/format.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

constexpr std::string_view link_path = "/invitations/";

struct InvitationOptions {
  std::string id;
  std::string role;
  std::string email;
  std::string expires_in;
  std::string format = "table";
};
struct AcceptOptions {
  std::string link;
  std::string login;
};

Result<int> create_invitation(const Context& context, const InvitationOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  json::object body{{"role", json_text(options.role)}};
  if (!options.email.empty()) body["email"] = json_text(options.email);
  if (!options.expires_in.empty()) body["expires_in"] = json_text(options.expires_in);
  const auto made = api->post(api_path({"invitations"}), body);
  if (!made) return made.error();
  if (options.format == "json") {
    print(pretty(*made));
    return 0;
  }
  print(fmt::format("{}\n", printable(text_at(*made, "link"))));
  if (text_at(object_at(*made, "mail"), "status") == "waiting") {
    say(fmt::format("It is being mailed to {}: `cupola invitation list` says whether that worked.",
                    printable(text_at(*made, "email"))));
  }
  say(fmt::format("Who opens this link becomes {}, once, until {} UTC. It is not shown again.",
                  text_at(*made, "role"), time_at(*made, "expires_at")));
  return 0;
}

/// "delivered", or "waiting, 2 tries: the mail server's words".
std::string mail_cell(const json::object& mail) {
  std::string text = text_at(mail, "status");
  const std::string error = text_at(mail, "error");
  if (error.empty()) return text;
  const std::int64_t tries = number_at(mail, "tries");
  return fmt::format("{}, {} {}: {}", text, tries, tries == 1 ? "try" : "tries", error);
}

Result<int> list_invitations(const Context& context, const InvitationOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto answer = api->list(api_path({"invitations"}), "invitations");
  if (!answer) return answer.error();
  Table table({"id", "role", "e-mail", "status", "by", "expires (UTC)", "accepted by", "mail"});
  for (const auto& item : array_at(*answer, "invitations")) {
    const auto& invitation = item.get_object();
    table.add({text_at(invitation, "id"), text_at(invitation, "role"), text_at(invitation, "email"),
               text_at(invitation, "status"), text_at(invitation, "invited_by"),
               time_at(invitation, "expires_at"), text_at(invitation, "accepted_by"),
               mail_cell(object_at(invitation, "mail"))});
  }
  print_list(options.format, *answer, table,
             "There are no invitations. Make one: cupola invitation create --role ROLE");
  return 0;
}

Result<int> revoke_invitation(const Context& context, const InvitationOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  const auto done = api->remove(api_path({"invitations", options.id}));
  if (!done) return done.error();
  print(fmt::format("Invitation {} is revoked.\n", printable(options.id)));
  return 0;
}

/// The server and the token of a link; of a token alone, the server that is used otherwise.
Result<std::pair<std::string, std::string>> parts_of(const Context& context,
                                                     const std::string& link) {
  const std::size_t at = link.find(link_path);
  if (link.starts_with("http") && at != std::string::npos) {
    return std::pair(link.substr(0, at), link.substr(at + link_path.size()));
  }
  const auto login = find_login(context.url);
  if (!login) return login.error();
  return std::pair(login->url, link);
}

Result<int> accept_invitation(const Context& context, const AcceptOptions& options) {
  const auto parts = parts_of(context, options.link);
  if (!parts) return parts.error();
  const auto password = read_secret(fmt::format("Password of {}", printable(options.login)));
  if (!password) return password.error();
  if (!is_utf8(password->reveal())) {
    return Error{Error::Kind::invalid, "The password is no UTF-8 text", ""};
  }
  const auto joined =
      Api::without_token(parts->first)
          .post(api_path({"invitations", "accept"}), {{"token", json_text(parts->second)},
                                                      {"login", json_text(options.login)},
                                                      {"password", json_text(password->reveal())}});
  if (!joined) return joined.error();
  print(text_at(*joined, "token") + "\n");
  say(fmt::format("You are {} of {}. The line above is your token; keep it with: cupola login {}",
                  text_at(*joined, "role"),
                  printable(text_at(object_at(*joined, "organization"), "name")),
                  printable(parts->first)));
  return 0;
}

}  // namespace

void add_invitation_commands(CLI::App& root, Context& context) {
  auto* invitation = root.add_subcommand("invitation", "Invite people by a link");
  invitation->require_subcommand(1);

  auto* create = invitation->add_subcommand("create", "Make a link that makes a member, once");
  auto create_options = std::make_shared<InvitationOptions>();
  add_role(create, create_options->role, "What the new member will be")->required();
  create
      ->add_option("--email", create_options->email,
                   "Whom it is for; it is mailed there, where the server can")
      ->type_name("ADDRESS");
  create
      ->add_option("--expires-in", create_options->expires_in,
                   "How long it is good; 7d unless said")
      ->type_name("SPAN");
  add_format(create, create_options->format);
  set_work(create, context, create_options, create_invitation);

  auto* list = invitation->add_subcommand("list", "All invitations, and what became of them");
  auto list_options = std::make_shared<InvitationOptions>();
  add_format(list, list_options->format);
  set_work(list, context, list_options, list_invitations);

  auto* revoke = invitation->add_subcommand("revoke", "Make an invitation's link useless");
  auto revoke_options = std::make_shared<InvitationOptions>();
  revoke->add_option("id", revoke_options->id, "Its id, as list shows it")
      ->required()
      ->type_name("ID");
  set_work(revoke, context, revoke_options, revoke_invitation);

  auto* accept = invitation->add_subcommand(
      "accept", "Become a member; the password is read from standard input");
  auto accept_options = std::make_shared<AcceptOptions>();
  accept->add_option("link", accept_options->link, "The link, or the token at its end")
      ->required()
      ->type_name("LINK");
  accept
      ->add_option("--login", accept_options->login,
                   "Your login: a new one, or the one you have on this server")
      ->required()
      ->type_name("LOGIN");
  set_work(accept, context, accept_options, accept_invitation);
}

}  // namespace cupola::cli
