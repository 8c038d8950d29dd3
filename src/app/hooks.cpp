#include "app/hooks.h"

#include <filesystem>

#include "base/text.h"
#include "deploy/plan.h"
#include "git/address.h"
#include "meltano/blocks.h"
#include "meltano/project.h"
#include "net/guard.h"
#include "notify/invitation_letter.h"
#include "notify/mail_server.h"
#include "secrets/source.h"
#include "store/release_content.h"

namespace cupola::app {
namespace {

/// A directory inside a repository, in its plain form: "." or "teams/data".
Result<std::string> check_directory(std::string_view text) {
  const std::filesystem::path path =
      std::filesystem::path(text.empty() ? "." : text).lexically_normal();
  const Error outside{
      Error::Kind::invalid,
      "The directory " + cupola::quoted(text) + " does not lie inside the repository.",
      "Give a path relative to the repository's root, such as teams/data."};
  if (path.is_absolute() || text.size() > 1000 || text.find('\0') != std::string_view::npos)
    return outside;
  for (const auto& part : path) {
    if (part == ".." || part == ".git") return outside;
  }
  std::string plain = path.string();
  while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  if (printable(plain) != plain || plain.find('\n') != std::string::npos) return outside;
  return plain;
}

Result<std::vector<std::string>> state_ids_of(const Home& home, const store::Release& release,
                                              const std::vector<std::string>& words,
                                              std::string_view suffix) {
  const auto content = store::parse_release_content(release.content.value_or("{}"));
  const auto checkout = home.checkout(release.key);
  const auto inspection = meltano::inspect(checkout, checkout / content.directory);
  const auto blocks = meltano::expand(inspection.project, words);
  if (!blocks) return blocks.error();
  return meltano::state_ids(inspection.project, content.environment, *blocks,
                            suffix.empty() ? std::string_view(content.state_id_suffix) : suffix,
                            {});
}

}  // namespace

api::Hooks make_hooks(deploy::Deployer& deployer, const Home& home, const ServerOptions& options) {
  api::Hooks hooks;
  hooks.check_source = [allow = options.allow_local_repositories](
                           std::string_view repository,
                           std::string_view directory) -> Result<api::Hooks::Source> {
    const auto url = git::check_url(repository, allow);
    if (!url) return url.error();
    const auto plain = check_directory(directory);
    if (!plain) return plain.error();
    return api::Hooks::Source{.repository = *url, .directory = *plain};
  };
  hooks.check_secret_source = [sources = options.secret_sources](std::string_view source) {
    return secrets::check_source(sources, source);
  };
  hooks.check_revision = git::check_revision;
  hooks.check_receiver = [guard = net::Guard(options.notify.inner_receivers)](
                             std::string_view url) { return guard.check_url(url); };
  hooks.has_mail_server = options.notify.mail.has_value();
  hooks.plan = [&deployer](const store::Deployment& deployment,
                           bool refresh_plugins) -> Result<json::object> {
    const auto plan = deployer.plan(deployment, refresh_plugins);
    if (!plan) return plan.error();
    return deploy::to_json(*plan);
  };
  hooks.state_ids_of = [&deployer, home](
                           const store::Release& release, const std::vector<std::string>& words,
                           std::string_view suffix) -> Result<std::vector<std::string>> {
    // The checkout is all that is looked at: no request waits for environments to be built.
    if (const auto files = deployer.ensure_checkout(release); !files) return files.error();
    return state_ids_of(home, release, words, suffix);
  };
  return hooks;
}

}  // namespace cupola::app
