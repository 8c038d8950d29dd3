#include "cli/login.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace cupola::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string without_end_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<Login> read_kept() {
  const auto path = login_file();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Login{};
  const auto text = read_file(path, 1u << 16);
  if (!text) return text.error();
  const auto parsed = parse_json(*text);
  if (!parsed || !parsed->is_object()) {
    return Error{Error::Kind::malformed,
                 fmt::format("{} is not what `cupola login` wrote", path.string()),
                 "Sign in again: cupola login URL"};
  }
  const auto& object = parsed->get_object();
  return Login{text_at(object, "url"), Secret{text_at(object, "token")}};
}

}  // namespace

std::filesystem::path login_file() {
  std::string folder = variable("XDG_CONFIG_HOME");
  if (folder.empty()) folder = variable("HOME") + "/.config";
  return std::filesystem::path(folder) / "cupola" / "login.json";
}

Result<Login> find_login(const std::string& url) {
  Login login{url, Secret{variable("CUPOLA_TOKEN")}};
  if (login.url.empty()) login.url = variable("CUPOLA_URL");
  login.url = without_end_slash(std::move(login.url));

  if (login.url.empty() || login.token.empty()) {
    auto kept = read_kept();
    if (!kept) return kept.error();
    if (login.url.empty()) login.url = kept->url.empty() ? default_url : kept->url;
    if (login.token.empty() && login.url == kept->url) login.token = std::move(kept->token);
  }
  if (!login.url.starts_with("http://") && !login.url.starts_with("https://")) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is no address of a server", cupola::quoted(login.url)),
                 fmt::format("It begins with http:// or https://, such as {}", default_url)};
  }
  return login;
}

void keep_login(const Login& login) {
  const auto path = login_file();
  make_folder(path.parent_path(), 0700);
  const json::object object{{"url", json_text(without_end_slash(login.url))},
                            {"token", json_text(login.token.reveal())}};
  write_file(path, json::serialize(object) + "\n", 0600);
}

bool forget_login() {
  std::error_code error;
  const bool was_there = std::filesystem::remove(login_file(), error);
  if (error)
    throw Failure(
        fmt::format("{} could not be removed: {}", login_file().string(), error.message()));
  return was_there;
}

}  // namespace cupola::cli
