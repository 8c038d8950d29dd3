#pragma once

/// Which server to talk to, and as whom: flag, then environment, then what `cupola login` kept.

#include <filesystem>
#include <string>

#include "base/outcome.h"
#include "base/secret.h"

namespace cupola::cli {

/// Where a server listens unless it is told otherwise.
inline constexpr const char* default_url = "http://127.0.0.1:8080";

struct Login {
  std::string url;  ///< without a slash at its end
  Secret token;     ///< empty: not signed in
};

/// `url` (of --url), else CUPOLA_URL, else the kept one, else the default; the token of
/// CUPOLA_TOKEN, else the kept one where it was kept for the same address.
/// Errors: malformed (the file is none of ours), invalid (no http or https address).
Result<Login> find_login(const std::string& url);

/// Keeps it in the user's configuration folder, readable by the user alone. Throws Failure.
void keep_login(const Login& login);

/// True when there was one.
bool forget_login();

/// $XDG_CONFIG_HOME/cupola/login.json, or below ~/.config.
std::filesystem::path login_file();

}  // namespace cupola::cli
