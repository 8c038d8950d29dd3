#include <fmt/format.h>

#include "auth/cloud_session.h"
#include "base/clock.h"
#include "base/span_text.h"
#include "base/text.h"
#include "cli/admin.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "store/service_accounts.h"
#include "store/vault.h"

namespace cupola::cli {
namespace {

constexpr std::chrono::milliseconds usual_life = 90 * 24h;
constexpr std::chrono::milliseconds shortest_life = 1min;
constexpr std::chrono::milliseconds longest_life = 3650 * 24h;
constexpr int callback_port = 9999;

struct ConfigOptions {
  Place place;
  std::string key_file;
  std::string holder;
  std::string organization;
  std::string url;
  std::string role;
  std::string life = span_text(usual_life);
};

/// The root of an origin, without a slash at its end: the CLI puts paths behind it as they are.
Result<std::string> origin_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const std::size_t host = url.find("://");
  const bool is_http = url.starts_with("https://") || url.starts_with("http://");
  if (is_http && url.size() > host + 3 &&
      url.find_first_of("/?# ", host + 3) == std::string::npos) {
    return url;
  }
  return Error{Error::Kind::invalid, cupola::quoted(url) + " is not the root of a server.",
               "Write it as https://cupola.example.com, without a path: the cloud CLI loses one."};
}

/// A user, or a service account of the organization.
struct Holder {
  UserKey user;
  std::string name;
};
Result<Holder> holder_of(db::Session& db, const OrganizationKey& organization,
                         const std::string& name) {
  if (const auto user = store::find_user(db, name)) return Holder{user->key, user->login};
  if (const auto account = store::find_service_account(db, organization, name)) {
    return Holder{account->user, account->name};
  }
  return Error{Error::Kind::not_found,
               "There is no user and no service account " + cupola::quoted(name) + "."};
}

json::object config_of(const std::string& origin, const auth::CloudSession& session) {
  return {{"auth_callback_port", callback_port},
          {"base_url", origin + "/"},
          {"base_auth_url", origin},
          {"app_client_id", "cupola"},
          {"id_token", session.id_token.reveal()},
          {"access_token", session.access_token.reveal()}};
}

Result<int> make_config(const Context&, const ConfigOptions& options) {
  const auto origin = origin_of(options.url);
  if (!origin) return origin.error();
  const auto life = parse_span(options.life);
  if (!life || *life < shortest_life || *life > longest_life) {
    return Error{Error::Kind::invalid, cupola::quoted(options.life) + " is no such time.",
                 "Write it as 12h or 90d: a minute at least, ten years at most."};
  }
  const auto database = open_database(options.place);
  const store::Vault vault =
      store::Vault::open(key_file_of(options.place, options.key_file), *database);
  const Instant now = SystemClock{}.now();
  const auto session = database->write([&](db::Session& db) -> Result<auth::CloudSession> {
    const auto organization = store::find_organization(db, options.organization);
    if (!organization) return no_organization(options.organization, *database);
    const auto holder = holder_of(db, organization->key, options.holder);
    if (!holder) return holder.error();
    auto opened = auth::open_cloud_session(db, vault,
                                           {.user = holder->user,
                                            .login = holder->name,
                                            .name = "cloud-cli-config",
                                            .organizations = {*organization},
                                            .role = store::parse_role(options.role),
                                            .browser = {},
                                            .expires_at = now + *life},
                                           now);
    if (!opened) return opened.error();
    audit(db, {.organization = organization->key,
               .action = "token.create",
               .name = "cloud-cli-config",
               .id = store::token_id(opened->token_hashes.front()),
               .after = {{"holder", holder->name},
                         {"role", options.role.empty() ? json::value() : json::value(options.role)},
                         {"expires_at", to_rfc3339(now + *life)}}});
    return opened;
  });
  if (!session) return session.error();
  print(json::serialize(config_of(*origin, *session)) + "\n");
  say("Keep it as a file that others cannot read (umask 077), and give it as: "
      "meltano-cloud --config-path FILE …");
  return 0;
}

}  // namespace

void add_admin_cloud_command(CLI::App* admin, Context& context) {
  auto* command = admin->add_subcommand("cloud-cli-config",
                                        "Print a configuration with which the hosted product's "
                                        "meltano-cloud works without a browser");
  auto options = std::make_shared<ConfigOptions>();
  command->add_option("holder", options->holder, "For whom it acts: a user or a service account")
      ->required()
      ->type_name("LOGIN");
  command->add_option("--organization", options->organization, "In which organization")
      ->required()
      ->type_name("NAME");
  command
      ->add_option("--public-url,--url", options->url,
                   "Where the server is reached, without a path")
      ->required()
      ->type_name("URL");
  command->add_option("--role", options->role, "What it may at most; as its holder where absent")
      ->check(CLI::IsMember({"viewer", "operator", "maintainer", "owner"}))
      ->type_name("ROLE");
  command->add_option("--expires-in", options->life, "For how long, such as 12h or 90d")
      ->type_name("SPAN")
      ->capture_default_str();
  add_key_file(command, options->key_file);
  add_place(command, options->place);
  set_work(command, context, options, make_config);
}

}  // namespace cupola::cli
