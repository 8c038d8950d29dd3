#include "cli/admin.h"

#include <fmt/format.h>

#include "auth/password.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "store/members.h"
#include "store/organizations.h"
#include "store/tokens.h"

namespace cupola::cli {
namespace {

struct OrganizationOptions {
  Place place;
  std::string name;
};
struct UserOptions {
  Place place;
  std::string login;
  std::string organization;
  std::string role;
  bool password_stdin = false;
};
struct TokenOptions {
  Place place;
  std::string login;
  std::string organization;
  std::string name = "command line";
};

struct NetworkOptions {
  Place place;
  std::string organization;
  std::string mode;
};

Result<int> create_organization(const Context&, const OrganizationOptions& options) {
  const auto database = open_database(options.place);
  const auto made = database->write([&](db::Session& db) -> Result<store::Organization> {
    const auto created = store::create_organization(db, options.name, SystemClock{}.now());
    if (!created) return created.error();
    audit(db, {.organization = created->key,
               .action = "organization.create",
               .name = created->name,
               .id = created->id,
               .after = {{"account_number", created->account_number}}});
    return *created;
  });
  if (!made) return made.error();
  crash_point("admin.organization_created");
  print(fmt::format("Created organization {}, account {}.\n", made->name, made->account_number));
  return 0;
}

Result<int> create_user(const Context&, const UserOptions& options) {
  std::optional<std::string> password_hash;
  if (options.password_stdin) {
    const auto password = read_secret("Password");
    if (!password) return password.error();
    auto hash = auth::hash_password(*password);
    if (!hash) return hash.error();
    password_hash = std::move(*hash);
  }
  const auto role = store::parse_role(options.role);
  if (!role)
    return Error{Error::Kind::invalid, "There is no role " + cupola::quoted(options.role), ""};

  const auto database = open_database(options.place);
  const auto made = database->write([&](db::Session& db) -> Result<store::User> {
    const auto organization = store::find_organization(db, options.organization);
    if (!organization) return no_organization(options.organization, *database);
    const auto before = store::find_member(db, organization->key, options.login);
    if (before && *role != store::Role::owner) {
      const auto kept = store::set_role(db, organization->key, before->user, *role);
      if (!kept) return kept.error();
    }
    const auto user = store::create_user(db, options.login, organization->key, *role, password_hash,
                                         SystemClock{}.now());
    if (!user) return user.error();
    AdminChange change{
        .organization = organization->key,
        .action = before ? "member.change" : "member.create",
        .name = user->login,
        .after = {{"role", options.role}, {"password_set", password_hash.has_value()}}};
    if (before) change.before = {{"role", to_text(before->role)}};
    audit(db, change);
    return *user;
  });
  if (!made) return made.error();
  crash_point("admin.user_created");
  print(
      fmt::format("{} is {} of {}.\n", made->login, options.role, printable(options.organization)));
  return 0;
}

Result<int> create_token(const Context&, const TokenOptions& options) {
  const auto database = open_database(options.place);
  const Secret token = auth::new_token();
  const auto made = database->write([&](db::Session& db) -> Result<TokenKey> {
    const auto organization = store::find_organization(db, options.organization);
    if (!organization) return no_organization(options.organization, *database);
    const auto user = store::find_user(db, options.login);
    if (!user) {
      return Error{
          Error::Kind::not_found, fmt::format("There is no user {}", cupola::quoted(options.login)),
          fmt::format("Create one: cupola admin create-user {} --organization {} --role owner",
                      printable(options.login), printable(options.organization))};
    }
    const std::string hash = auth::token_hash(token.reveal());
    const auto key = store::create_token(
        db,
        {.organization = organization->key, .user = user->key, .name = options.name, .hash = hash},
        SystemClock{}.now());
    if (!key) return key.error();
    audit(db, {.organization = organization->key,
               .action = "token.create",
               .name = options.name,
               .id = store::token_id(hash),
               .after = {{"holder", user->login}}});
    return *key;
  });
  if (!made) return made.error();
  crash_point("admin.token_created");
  print(fmt::format("{}\n", token.reveal()));
  return 0;
}

Result<int> set_network(const Context&, const NetworkOptions& options) {
  const auto database = open_database(options.place);
  const auto set = database->write([&](db::Session& db) -> Result<void> {
    const auto organization = store::find_organization(db, options.organization);
    if (!organization) return no_organization(options.organization, *database);
    const auto before = store::network_of(db, organization->key);
    const auto changed =
        store::set_network(db, options.organization, store::parse_network_mode(options.mode));
    if (!changed) return changed.error();
    audit(db, {.organization = organization->key,
               .action = "organization.set_network",
               .name = organization->name,
               .id = organization->id,
               .before = {{"network", before.is_default ? "default" : to_text(before.mode)}},
               .after = {{"network", options.mode}}});
    return {};
  });
  if (!set) return set.error();
  print(fmt::format("Runs of {} that start from now on have the network: {}.\n",
                    printable(options.organization), options.mode));
  return 0;
}

}  // namespace

void add_admin_commands(CLI::App& root, Context& context) {
  auto* admin = root.add_subcommand("admin", "Work on a server's folder or database itself");
  admin->require_subcommand(1);

  auto* organization = admin->add_subcommand("create-organization", "Create an organization");
  auto organization_options = std::make_shared<OrganizationOptions>();
  organization->add_option("name", organization_options->name, "What to call it")
      ->required()
      ->type_name("NAME");
  add_place(organization, organization_options->place);
  set_work(organization, context, organization_options, create_organization);

  auto* user = admin->add_subcommand("create-user", "Create a user, or give one another role");
  auto user_options = std::make_shared<UserOptions>();
  user->add_option("login", user_options->login, "The user's name")->required()->type_name("LOGIN");
  user->add_option("--organization", user_options->organization, "Its organization")
      ->required()
      ->type_name("NAME");
  user->add_option("--role", user_options->role,
                   "viewer, operator, maintainer or owner; each may more")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "maintainer", "owner"}))
      ->type_name("ROLE");
  user->add_flag("--password-stdin", user_options->password_stdin,
                 "Read a password from standard input");
  add_place(user, user_options->place);
  set_work(user, context, user_options, create_user);

  auto* token = admin->add_subcommand("create-token", "Create a token; it is all that is printed");
  auto token_options = std::make_shared<TokenOptions>();
  token->add_option("login", token_options->login, "Whose token")->required()->type_name("LOGIN");
  token->add_option("--organization", token_options->organization, "In which organization")
      ->required()
      ->type_name("NAME");
  token->add_option("--name", token_options->name, "What it is for")
      ->type_name("TEXT")
      ->capture_default_str();
  add_place(token, token_options->place);
  set_work(token, context, token_options, create_token);

  auto* network =
      admin->add_subcommand("set-network", "Say which network an organization's runs have");
  auto network_options = std::make_shared<NetworkOptions>();
  network->add_option("organization", network_options->organization, "Whose runs")
      ->required()
      ->type_name("ORGANIZATION");
  network
      ->add_option("mode", network_options->mode,
                   "host, isolated (one of their own), or default: host while there is one "
                   "organization, isolated with more")
      ->required()
      ->type_name("MODE")
      ->check(CLI::IsMember({"host", "isolated", "default"}));
  add_place(network, network_options->place);
  set_work(network, context, network_options, set_network);

  add_admin_id_commands(admin, context);
  add_admin_key_command(admin, context);
  add_admin_cloud_command(admin, context);
}

}  // namespace cupola::cli
