#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "auth/password.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/files.h"
#include "base/home.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "db/database.h"
#include "store/organizations.h"
#include "store/tokens.h"

namespace cupola::cli {
namespace {

/// Where the data lies.
struct Place {
  std::string home;
  std::string database;
};
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

std::string default_home() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return std::string(data) + "/cupola";
  }
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.local/share/cupola";
}

std::unique_ptr<db::Database> open_database(const Place& place) {
  const Home home{place.home.empty() ? default_home() : place.home};
  make_folder(home.root(), 0700);
  const std::string url =
      place.database.empty() ? "sqlite:" + home.database().string() : place.database;
  return db::Database::open({.url = url, .readers = 1});
}

Error no_organization(const std::string& name, const db::Database& database) {
  return {Error::Kind::not_found,
          fmt::format("There is no organization {} in {}", cupola::quoted(name),
                      database.description()),
          fmt::format("Create it: cupola admin create-organization {}", printable(name))};
}

Result<int> create_organization(const Context&, const OrganizationOptions& options) {
  const auto database = open_database(options.place);
  const auto made = database->write([&](db::Session& db) {
    return store::create_organization(db, options.name, SystemClock{}.now());
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
    return store::create_user(db, options.login, organization->key, *role, password_hash,
                              SystemClock{}.now());
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
    return store::create_token(db,
                               {.organization = organization->key,
                                .user = user->key,
                                .name = options.name,
                                .hash = auth::token_hash(token.reveal())},
                               SystemClock{}.now());
  });
  if (!made) return made.error();
  crash_point("admin.token_created");
  print(fmt::format("{}\n", token.reveal()));
  return 0;
}

Result<int> set_network(const Context&, const NetworkOptions& options) {
  const auto database = open_database(options.place);
  const auto set = database->write([&](db::Session& db) -> Result<void> {
    if (!store::find_organization(db, options.organization)) {
      return no_organization(options.organization, *database);
    }
    return store::set_network(db, options.organization, store::parse_network_mode(options.mode));
  });
  if (!set) return set.error();
  print(fmt::format("Runs of {} that start from now on have the network: {}.\n",
                    printable(options.organization), options.mode));
  return 0;
}

void add_place(CLI::App* command, Place& place) {
  command
      ->add_option("--home", place.home,
                   "The server's folder (CUPOLA_HOME; made where it is absent)")
      ->envname("CUPOLA_HOME")
      ->type_name("DIR");
  command
      ->add_option("--database", place.database,
                   "The database, where it is not in the folder (CUPOLA_DATABASE)")
      ->envname("CUPOLA_DATABASE")
      ->type_name("URL");
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
}

}  // namespace cupola::cli
