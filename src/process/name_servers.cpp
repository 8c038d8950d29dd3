#include "process/name_servers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/files.h"
#include "base/text.h"

namespace cupola::process {
namespace {

bool is_reached(const std::string& address) {
  in_addr parsed{};
  return ::inet_pton(AF_INET, address.c_str(), &parsed) == 1 &&
         (ntohl(parsed.s_addr) >> 24) != 127 && parsed.s_addr != 0;
}

struct Configuration {
  std::vector<std::string> servers;
  std::string other_lines;
};

Configuration read_configuration(const std::filesystem::path& file) {
  Configuration found;
  const auto content = read_file(file, 64u << 10);
  if (!content) return found;
  for (const auto line : split(*content, '\n')) {
    const std::string_view words = trim(line);
    if (words.starts_with("nameserver")) {
      found.servers.emplace_back(trim(words.substr(std::string_view("nameserver").size())));
    } else if (words.starts_with("search") || words.starts_with("domain") ||
               words.starts_with("options")) {
      found.other_lines += std::string(words) + "\n";
    }
  }
  return found;
}

Resolver resolver_with(std::vector<std::string> servers, const std::string& other_lines) {
  Resolver resolver{.servers = std::move(servers), .text = other_lines};
  for (const auto& server : resolver.servers) {
    resolver.text += fmt::format("nameserver {}\n", server);
  }
  return resolver;
}

}  // namespace

Result<Resolver> find_resolver(const std::vector<std::string>& given,
                               const std::vector<std::filesystem::path>& files) {
  if (!given.empty()) {
    return resolver_with(given, files.empty() ? "" : read_configuration(files.front()).other_lines);
  }
  std::vector<std::string> unreachable;
  for (const auto& file : files) {
    const Configuration found = read_configuration(file);
    std::vector<std::string> servers;
    for (const auto& server : found.servers) {
      (is_reached(server) ? servers : unreachable).push_back(server);
    }
    if (!servers.empty()) return resolver_with(std::move(servers), found.other_lines);
  }
  return Error{
      Error::Kind::not_found,
      fmt::format("No name server is reached from a network of a run's own: the host names "
                  "{}.",
                  unreachable.empty() ? "none" : fmt::format("{}", fmt::join(unreachable, ", "))),
      "Give one with --run-dns."};
}

}  // namespace cupola::process
