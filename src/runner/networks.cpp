#include "runner/networks.h"

#include <cerrno>
#include <charconv>

#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/log.h"
#include "process/name_servers.h"
#include "process/network_rules.h"
#include "process/program.h"

namespace cupola::runner {
namespace {

constexpr std::chrono::minutes rules_hold{1};

/// 31 bits of the server's id: the kernel shows groups as signed numbers.
std::uint32_t group_of(const std::string& server_id) {
  const std::string hex = sha256_hex(server_id).substr(0, 8);
  std::uint32_t group = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), group, 16);
  return (group & 0x7fffffff) | 1;
}

}  // namespace

Networks::Networks(std::string server_id, NetworkOptions options)
    : server_id_(std::move(server_id)), options_(std::move(options)) {}

Result<ChosenNetwork> Networks::choose(const store::Network& network,
                                       const process::Support& support) {
  if (network.mode == store::NetworkMode::host) return ChosenNetwork{};
  auto chosen = isolated(support);
  if (chosen) return chosen;
  const std::string why = to_text(chosen.error());
  if (!network.is_default) {
    return Error{Error::Kind::unavailable,
                 "The organization's runs are to have a network of their own, which is not to be "
                 "had: " +
                     why,
                 "Mend that, or give them the host's: cupola admin set-network ORGANIZATION host."};
  }
  log_warning("a run has the host's network, though there are several organizations: {}", why);
  return ChosenNetwork{.note =
                           "This run has the host's network: none of its own is to be had. " + why};
}

Result<ChosenNetwork> Networks::isolated(const process::Support& support) {
  switch (support.kind) {
    case process::SandboxKind::root:
      return joined_by_pair();
    case process::SandboxKind::user_namespace:
      return joined_by_slirp();
    case process::SandboxKind::none:
      break;
  }
  return Error{Error::Kind::unavailable, "Runs are not isolated at all."};
}

Result<ChosenNetwork> Networks::joined_by_slirp() const {
  if (!process::find_program("slirp4netns", "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin")) {
    return Error{Error::Kind::unavailable,
                 "The server is not root, and the program slirp4netns is not installed.",
                 "Install it: apt install slirp4netns."};
  }
  constexpr const char* device = "/dev/net/tun";
  if (::access(device, R_OK | W_OK) != 0) {
    return Error{Error::Kind::unavailable,
                 fmt::format("The server is not root, and slirp4netns needs {}: {}.", device,
                             system_text(errno)),
                 fmt::format("Let the server's user open it: chmod 0666 {}.", device)};
  }
  ChosenNetwork chosen{.plan = process::RunNetworkPlan{.kind = process::NetworkKind::slirp,
                                                       .host_loopback = options_.reach_loopback,
                                                       .metadata = options_.reach_metadata,
                                                       .host = options_.reach_server},
                       .resolv_conf = process::user_network_resolver};
  if (!options_.name_servers.empty()) {
    if (auto resolver = process::find_resolver(options_.name_servers); resolver) {
      chosen.resolv_conf = std::move(resolver->text);
    }
  }
  return chosen;
}

Result<ChosenNetwork> Networks::joined_by_pair() {
  auto resolver = process::find_resolver(options_.name_servers);
  if (!resolver) return resolver.error();
  const std::uint32_t group = group_of(server_id_);
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  const unsigned port = options_.server_port ? options_.server_port() : 0;
  if (!laid_at_ || now - *laid_at_ > rules_hold || port != laid_port_) {
    if (auto laid = process::lay_network_rules({.group = group,
                                                .server_port = port,
                                                .reach_metadata = options_.reach_metadata,
                                                .reach_server = options_.reach_server,
                                                .reach_loopback = options_.reach_loopback,
                                                .name_servers = resolver->servers});
        !laid) {
      return laid.error();
    }
    if (!laid_at_)
      log_info(
          "networks of runs' own are joined by the packet filter's table cupola_{:08x}; the kernel "
          "passes packets on (net.ipv4.ip_forward)",
          group);
    laid_at_ = now;
    laid_port_ = port;
  }
  return ChosenNetwork{
      .plan = process::RunNetworkPlan{.group = group, .host_loopback = options_.reach_loopback},
      .resolv_conf = std::move(resolver->text)};
}

}  // namespace cupola::runner
