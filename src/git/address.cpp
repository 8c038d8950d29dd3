#include "git/address.h"

#include <algorithm>
#include <array>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "base/text.h"

namespace cupola::git {
namespace {

constexpr std::size_t longest_url = 2000;
constexpr std::size_t longest_revision = 255;

bool is_visible(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

Error refuse(std::string_view url, std::string_view why, std::string hint) {
  return {Error::Kind::invalid,
          fmt::format("{} is no repository that can be used: {}.",
                      cupola::quoted(without_credentials(url)), why),
          std::move(hint)};
}

const std::string any_form =
    "Give an address such as https://example.com/team/project.git or "
    "git@example.com:team/project.git.";

/// Loopback, link-local and unspecified addresses: those of this machine, and the metadata
/// services of cloud providers. `bytes` has 4 or 16 of them.
bool is_inner(const unsigned char* bytes, bool v6) {
  if (!v6) return bytes[0] == 127 || bytes[0] == 0 || (bytes[0] == 169 && bytes[1] == 254);
  const bool zeros = std::all_of(bytes, bytes + 10, [](unsigned char b) { return b == 0; });
  if (zeros && bytes[10] == 0xff && bytes[11] == 0xff) return is_inner(bytes + 12, false);
  if (zeros && bytes[10] == 0 && bytes[11] == 0) return is_inner(bytes + 12, false);
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool names_this_machine(std::string_view host) {
  std::string name = to_lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (name.starts_with('[') && name.ends_with(']')) {
    in6_addr address{};
    if (inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), &address) != 1) return true;
    return is_inner(address.s6_addr, true);
  }
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  // inet_aton also reads the old spellings: 2130706433, 0x7f.1, 0177.0.0.1.
  in_addr address{};
  if (inet_aton(name.c_str(), &address) == 0) return false;
  return is_inner(reinterpret_cast<const unsigned char*>(&address), false);
}

struct Authority {
  std::string_view user, host, port;
  bool password = false;
};

std::optional<Authority> parse_authority(std::string_view text) {
  Authority parts;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    parts.user = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (const auto colon = parts.user.find(':'); colon != std::string_view::npos) {
      parts.password = true;
      parts.user = parts.user.substr(0, colon);
    }
  }
  const auto bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parts.host = text.substr(0, colon);
  if (colon != std::string_view::npos) parts.port = text.substr(colon + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (parts.port.size() > 5 || !std::all_of(parts.port.begin(), parts.port.end(), is_digit)) {
    return std::nullopt;
  }
  const bool address = parts.host.starts_with('[');
  if (!address && !std::all_of(parts.host.begin(), parts.host.end(), is_host_character)) {
    return std::nullopt;
  }
  if (parts.host.empty() || parts.host.starts_with('-') || parts.user.starts_with('-')) {
    return std::nullopt;
  }
  return parts;
}

Result<std::string> check_host(std::string_view url, std::string_view authority, bool allow_local) {
  const auto parts = parse_authority(authority);
  if (!parts) return refuse(url, "its host, user or port cannot be read", any_form);
  if (parts->password) {
    return refuse(url, "it holds a password",
                  "Leave user and password out of the address, and store the token as the secret "
                  "GIT_TOKEN of the project.");
  }
  if (!allow_local && names_this_machine(parts->host)) {
    return refuse(url, "its host is this machine or a link-local address",
                  "Use the name under which other machines know the host, or let the operator "
                  "start the server with --allow-local-repositories.");
  }
  return std::string(url);
}

Result<std::string> check_local(std::string_view url, std::string_view path, bool allow_local) {
  if (!allow_local) {
    return refuse(url, "folders of the server are not allowed as repositories",
                  "Use an https or ssh address, or let the operator start the server with "
                  "--allow-local-repositories.");
  }
  if (!path.starts_with('/') || path.starts_with("//")) {
    return refuse(url, "the path is not absolute", "Give the folder's whole path, from / on.");
  }
  return std::string(url);
}

}  // namespace

Result<std::string> check_url(std::string_view text, bool allow_local) {
  const std::string_view url = trim(text);
  if (url.empty()) {
    return Error{Error::Kind::invalid, "The address of the repository is empty.", any_form};
  }
  if (url.size() > longest_url) {
    return Error{Error::Kind::invalid,
                 fmt::format("The address of the repository has more than {} bytes.", longest_url),
                 any_form};
  }
  if (!std::all_of(url.begin(), url.end(), is_visible) || !is_utf8(url)) {
    return refuse(url, "it holds blanks or control characters", any_form);
  }
  if (url.starts_with('-')) return refuse(url, "it begins with a dash", any_form);
  if (url.starts_with('/')) return check_local(url, url, allow_local);
  if (url.starts_with("file://")) return check_local(url, url.substr(7), allow_local);
  if (url.find("::") < url.find_first_of("/[")) {
    return refuse(url, "it names a helper program", any_form);
  }
  for (const std::string_view protocol : {"https://", "ssh://"}) {
    if (!url.starts_with(protocol)) continue;
    const std::string_view rest = url.substr(protocol.size());
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size()) {
      return refuse(url, "it has a host and no path", any_form);
    }
    return check_host(url, rest.substr(0, slash), allow_local);
  }
  if (const auto end = url.find("://"); end != std::string_view::npos) {
    return refuse(url, fmt::format("the protocol {} is not allowed", url.substr(0, end)),
                  "Use https or ssh.");
  }
  // [user@]host:path, as ssh(1) has it.
  const auto bracket = url.find("[");
  const auto colon = url.find(':', bracket < url.find(':') ? url.find(']', bracket) : 0);
  if (colon == std::string_view::npos || colon > url.find('/') || colon + 1 == url.size()) {
    return refuse(url, "it is neither an address nor an absolute path", any_form);
  }
  if (url[colon + 1] == '-') return refuse(url, "its path begins with a dash", any_form);
  return check_host(url, url.substr(0, colon), allow_local);
}

Result<std::string> check_revision(std::string_view text) {
  const std::string_view name = trim(text);
  const auto refused = [&](std::string_view why) {
    return Error{Error::Kind::invalid,
                 fmt::format("{} is no branch, tag or commit: {}.", cupola::quoted(text), why),
                 "Give the name of a branch or tag, or the 40 digits of a commit."};
  };
  if (name.empty()) return refused("it is empty");
  if (name.size() > longest_revision) return refused("it has more than 255 bytes");
  if (!std::all_of(name.begin(), name.end(), is_visible) || !is_utf8(name)) {
    return refused("it holds blanks or control characters");
  }
  if (name.front() == '-') return refused("it begins with a dash");
  if (name.find_first_of("~^:?*[\\") != std::string_view::npos) {
    return refused("none of ~ ^ : ? * [ \\ may be in a name");
  }
  if (name.find("..") != std::string_view::npos) return refused("it holds '..'");
  if (name.find("@{") != std::string_view::npos || name == "@") return refused("it holds '@{'");
  if (name.starts_with("refs/")) return refused("it begins with 'refs/'");
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part.starts_with('.') || part.ends_with('.') || part.ends_with(".lock")) {
      return refused("a part of the name is empty, begins or ends with a dot, or ends in .lock");
    }
  }
  return std::string(name);
}

bool is_ssh(std::string_view url) {
  const auto end = url.find("://");
  return end == std::string_view::npos ? !url.starts_with('/') : url.substr(0, end) == "ssh";
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string without_credentials(std::string_view text) {
  std::string result;
  while (true) {
    const auto start = text.find("://");
    if (start == std::string_view::npos) return result.append(text);
    result.append(text.substr(0, start + 3));
    text.remove_prefix(start + 3);
    const auto authority = text.substr(0, text.find_first_of("/?#'\" \t\n"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
      result.append("***");
      text.remove_prefix(at);
    }
  }
}

}  // namespace cupola::git
