#include "db/address.h"

#include <array>

#include "base/outcome.h"
#include "base/text.h"

namespace cupola::db {
namespace {

/// A server that does not answer must be noticed in seconds, not after the system's 15 minutes.
constexpr std::array<std::string_view, 7> defaults = {
    "connect_timeout=5",      "tcp_user_timeout=10000", "keepalives_idle=10",
    "keepalives_interval=5",  "keepalives_count=3",     "client_encoding=UTF8",
    "application_name=cupola"};

bool has_option(std::string_view url, std::string_view name) {
  const auto query = url.find('?');
  if (query == std::string_view::npos) return false;
  for (const std::string_view option : split(url.substr(query + 1), '&')) {
    if (option.substr(0, option.find('=')) == name) return true;
  }
  return false;
}

std::string with_defaults(std::string_view url) {
  std::string result(url);
  for (const std::string_view option : defaults) {
    if (has_option(url, option.substr(0, option.find('=')))) continue;
    result += result.find('?') == std::string::npos ? '?' : '&';
    result += option;
  }
  return result;
}

std::string without_password(std::string_view url) {
  const auto scheme = url.find("://") + 3;
  const auto query = url.find('?');
  std::string authority(
      url.substr(scheme, query == std::string_view::npos ? query : query - scheme));
  if (const auto at = authority.rfind('@'); at != std::string::npos) {
    const auto colon = authority.find(':');
    if (colon < at) authority.erase(colon, at - colon);
  }
  std::string result = std::string(url.substr(0, scheme)) + authority;
  if (query == std::string_view::npos) return result;
  char separator = '?';
  for (const std::string_view option : split(url.substr(query + 1), '&')) {
    if (option.starts_with("password=") || option.starts_with("sslpassword=")) continue;
    result += separator;
    result += option;
    separator = '&';
  }
  return result;
}

}  // namespace

Address parse_address(std::string_view url) {
  if (url == "sqlite::memory:") {
    return {.dialect = Dialect::sqlite, .target = "", .description = "SQLite in memory"};
  }
  if (url.starts_with("sqlite:") && url.size() > 7) {
    const std::string path(url.substr(7));
    if (path.find('"') != std::string::npos) {
      throw Failure("Cannot open the database " + path +
                    ": its path must not hold a double quote. Choose another --home.");
    }
    return {.dialect = Dialect::sqlite, .target = path, .description = path};
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    if (url.find(' ') != std::string_view::npos) {
      throw Failure("The database's address " + without_password(url) +
                    " holds a space. Write it as %20.");
    }
    return {.dialect = Dialect::postgres,
            .target = with_defaults(url),
            .description = without_password(url)};
  }
  throw Failure("Cannot read the database's address " + quoted(url.substr(0, url.find(':') + 1)) +
                "…: it must be sqlite:PATH or postgresql://USER@HOST/DATABASE.");
}

}  // namespace cupola::db
