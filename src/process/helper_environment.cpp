#include <cstdlib>
#include <initializer_list>

#include <unistd.h>

#include "process/program.h"

namespace cupola::process {
namespace {

constexpr std::initializer_list<const char*> passed_on = {
    // proxies
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "no_proxy",
    // certificates
    "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH", "PIP_CERT", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS",
    // where packages come from
    "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
    "UV_INDEX_STRATEGY", "UV_KEYRING_PROVIDER", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT",
    "UV_CONFIG_FILE", "UV_NO_INDEX", "UV_OFFLINE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"};

/// UV_INDEX_<name>_USERNAME and _PASSWORD are the credentials of a named index.
bool is_index_credential(const std::string& name) {
  return name.starts_with("UV_INDEX_") &&
         (name.ends_with("_USERNAME") || name.ends_with("_PASSWORD"));
}

}  // namespace

std::map<std::string, std::string> own_environment() {
  std::map<std::string, std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      env.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return env;
}

std::map<std::string, std::string> helper_environment(const std::filesystem::path& home) {
  const char* path = std::getenv("PATH");
  std::map<std::string, std::string> env = {
      {"PATH", path == nullptr || *path == '\0' ? "/usr/local/bin:/usr/bin:/bin" : path},
      {"HOME", home.string()},
      {"LANG", "C.UTF-8"},
  };
  for (const char* name : passed_on) {
    if (const char* value = std::getenv(name)) env[name] = value;
  }
  for (const auto& [name, value] : own_environment()) {
    if (is_index_credential(name)) env[name] = value;
  }
  return env;
}

}  // namespace cupola::process
