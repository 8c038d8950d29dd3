#include "deploy/ssh_hosts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "deploy/deploy_log.h"
#include "git/address.h"
#include "git/repository.h"
#include "store/secret_names.h"

namespace cupola::deploy {
namespace {

Result<void> visit(const std::string& url, const Source& source, const Home& home,
                   const Options& options, const std::stop_token& stop) {
  const auto checked = git::check_url(url, options.allow_local_repositories);
  if (!checked) return checked.error();
  const auto key = source.secrets.find(std::string(store::git_ssh_key_name));
  // The server's own keys would let the visit in and the installer not, which never sees them.
  if (key == source.secrets.end()) {
    return Error{Error::Kind::forbidden,
                 fmt::format("it comes from {} over ssh, and the project has no key for that.",
                             cupola::quoted(git::without_credentials(url))),
                 fmt::format("Store a private key as the secret {} of the project, and give its "
                             "public half to the repository, as a deploy key.",
                             store::git_ssh_key_name)};
  }
  return git::Repository::visit({.home = home.root(),
                                 .allow_local = options.allow_local_repositories,
                                 .timeout = options.git_timeout},
                                *checked, {.ssh_key = key->second}, stop);
}

}  // namespace

std::vector<std::string> ssh_addresses(std::string_view requirements) {
  constexpr std::string_view mark = "git+ssh://";
  std::vector<std::string> addresses;
  for (auto at = requirements.find(mark); at != std::string_view::npos;
       at = requirements.find(mark, at + 1)) {
    std::string_view url = requirements.substr(at + 4);
    url = url.substr(0, url.find_first_of("# \t\r\n'\"\\"));
    const auto path = url.find('/', mark.size() - 4);
    const auto revision = url.rfind('@');
    if (path != std::string_view::npos && revision != std::string_view::npos && revision > path) {
      url = url.substr(0, revision);
    }
    if (std::find(addresses.begin(), addresses.end(), url) == addresses.end()) {
      addresses.emplace_back(url);
    }
  }
  return addresses;
}

std::optional<Error> visit_ssh_hosts(std::string_view what, std::string_view requirements,
                                     const Source& source, const Home& home, const Options& options,
                                     const std::stop_token& stop) {
  std::optional<Error> first;
  for (const auto& url : ssh_addresses(requirements)) {
    const auto visited = visit(url, source, home, options, stop);
    if (visited || first) continue;
    first = Error{visited.error().kind,
                  masked(fmt::format("{} cannot be installed: {}", what, visited.error().message),
                         source.secrets),
                  visited.error().hint};
  }
  return first;
}

}  // namespace cupola::deploy
