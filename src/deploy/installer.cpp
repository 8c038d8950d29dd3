#include "deploy/installer.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "deploy/deploy_log.h"
#include "git/address.h"
#include "git/ssh_key.h"
#include "process/copy_tree.h"
#include "store/secret_names.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_words = 1200;
constexpr std::size_t largest_known_hosts = 1u << 20;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Of a long report the part that a person needs first.
std::string gist_of(std::string_view words) {
  std::string text;
  for (const std::string_view raw : split(words, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.starts_with("warning:")) continue;
    if (!text.empty()) text += '\n';
    text += line;
    if (text.size() > longest_words) {
      text.resize(longest_words);
      return text + " …";
    }
  }
  return text;
}

}  // namespace

Error installer_error(std::string_view what, std::string_view words,
                      const std::map<std::string, Secret>& secrets) {
  const std::string text = printable(masked(git::without_credentials(words), secrets));
  const std::string lower = to_lower(text);
  std::string hint = "The deploy's log has all that the installer said.";
  Error::Kind kind = Error::Kind::invalid;
  if (has(lower, "no space left on device")) {
    kind = Error::Kind::unavailable;
    hint = "Make room on the disk that holds the server's home folder.";
  } else if (has(lower, "no solution found")) {
    hint =
        "Change the versions in its pip_url to some that exist and fit together; the words above "
        "name those that do not.";
  } else if (has(lower, "permission denied (publickey") ||
             has(lower, "host key verification failed")) {
    hint = fmt::format(
        "A git address over ssh is read with the project's secret {}: store a private key without "
        "a passphrase that it accepts.",
        store::git_ssh_key_name);
  } else if (has(lower, "git operation failed") || has(lower, "failed to fetch commit")) {
    hint =
        "Check the git address in its pip_url. For a private repository over https give a token "
        "by a variable that is a secret of the project: git+https://$TOKEN@host/path.";
  } else if (has(lower, "request failed") || has(lower, "failed to fetch") ||
             has(lower, "error sending request") || has(lower, "dns error")) {
    kind = Error::Kind::unavailable;
    hint =
        "Check this server's way to the package index (HTTPS_PROXY, SSL_CERT_FILE, "
        "UV_DEFAULT_INDEX); it is safe to try again.";
  } else if (has(lower, "hash mismatch")) {
    hint =
        "A package is another one than when it was locked. If that is intended, deploy with "
        "--refresh-plugins.";
  } else if (has(lower, "failed to build") || has(lower, "build backend")) {
    hint =
        "It has no ready-made wheel for this Python and must be built here. Take a version that "
        "has one, another `python:`, or install what its build misses on the server.";
  } else if (has(lower, "distribution not found") || has(lower, "does not exist")) {
    hint = "Check the paths in its pip_url; they count from the project's directory.";
  }
  return {kind, fmt::format("{} cannot be installed: {}", what, gist_of(text)), std::move(hint)};
}

BoxContent box_for(const Source& source, const Interpreter& python, const fs::path& uv,
                   const fs::path& work, bool needs_repository) {
  BoxContent content;
  content.uv = uv;
  content.work = work;
  content.read_only = named_paths(installer_environment());
  if (!python.prefix.empty()) content.read_only.push_back(python.prefix);
  if (needs_repository) {
    content.repository = work / "repository";
    content.directory = source.directory;
    make_folder(content.repository);
    if (auto copied = process::copy_tree(source.checkout, content.repository, std::nullopt);
        !copied) {
      throw Failure(to_text(copied.error()));
    }
  }
  return content;
}

namespace {

/// Git dependencies over ssh, with the project's own key if it has one. The shell that git starts
/// ssh with knows HOME; ssh itself would take that of the account.
std::string ssh_settings(const fs::path& work, const Source& source, const fs::path& home) {
  const auto key = source.secrets.find(std::string(store::git_ssh_key_name));
  std::string file = "none";
  if (key != source.secrets.end()) {
    file = "$HOME/.git-key";
    write_file(work / ".git-key", git::whole_key(key->second).reveal(), 0600);
  }
  write_file(work / ".git-hosts",
             read_file(home / "ssh" / "known_hosts", largest_known_hosts).value_or(""), 0600);
  return fmt::format(
      "[core]\n\tsshCommand = \"ssh -o BatchMode=yes -o IdentitiesOnly=yes"
      " -o StrictHostKeyChecking=accept-new -o ConnectTimeout=30 -o \\\"IdentityFile={}\\\""
      " -o \\\"UserKnownHostsFile=$HOME/.git-hosts\\\"\"\n",
      file);
}

}  // namespace

void write_git_settings(const fs::path& work, const Source& source, const fs::path& home) {
  std::string text = "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n";
  const auto token = source.secrets.find("GIT_TOKEN");
  constexpr std::string_view https = "https://";
  if (token != source.secrets.end() && source.repository.starts_with(https)) {
    std::string_view host = std::string_view(source.repository).substr(https.size());
    host = host.substr(0, host.find('/'));
    host = host.substr(host.find('@') == std::string_view::npos ? 0 : host.find('@') + 1);
    const auto user = source.secrets.find("GIT_USERNAME");
    const std::string name =
        user == source.secrets.end() ? "x-access-token" : std::string(user->second.reveal());
    // Values with a line break would be another line for git.
    const auto one_line = [](std::string_view value) {
      return value.substr(0, value.find_first_of("\r\n"));
    };
    text += fmt::format(
        "[credential \"https://{}\"]\n\thelper = \"!f() {{ cat \\\"$HOME\\\"/.git-answer; }}; "
        "f\"\n",
        host);
    write_file(
        work / ".git-answer",
        fmt::format("username={}\npassword={}\n", one_line(name), one_line(token->second.reveal())),
        0600);
  }
  text += ssh_settings(work, source, home);
  write_file(work / ".gitconfig", text, 0600);
}

std::map<std::string, std::string> box_environment(const Options& options) {
  auto env = installer_environment();
  env["GIT_ALLOW_PROTOCOL"] = options.allow_local_repositories ? "https:ssh:file" : "https:ssh";
  return env;
}

InstallerCall with_hidden_addresses(const std::vector<std::string>& options,
                                    std::map<std::string, std::string> env) {
  // uv reads the list of extra indexes split at spaces, that of links split at commas.
  struct Variable {
    const char* name;
    const char* separator;
  };
  static const std::map<std::string_view, Variable> variables = {
      {"--index-url", {"UV_DEFAULT_INDEX", nullptr}},
      {"--default-index", {"UV_DEFAULT_INDEX", nullptr}},
      {"--extra-index-url", {"UV_EXTRA_INDEX_URL", " "}},
      {"--find-links", {"UV_FIND_LINKS", ","}},
  };
  InstallerCall call{.words = {}, .env = std::move(env)};
  for (std::size_t i = 0; i < options.size(); ++i) {
    const auto known = variables.find(options[i]);
    const bool is_address =
        i + 1 < options.size() && options[i + 1].find("://") != std::string::npos;
    if (known == variables.end() || !is_address) {
      call.words.push_back(options[i]);
      continue;
    }
    const auto& [name, separator] = known->second;
    std::string& value = call.env[name];
    value =
        separator == nullptr || value.empty() ? options[i + 1] : value + separator + options[i + 1];
    ++i;
  }
  return call;
}

}  // namespace cupola::deploy
