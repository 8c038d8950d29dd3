#pragma once

/// What runs with a network of their own reach: rules of the host's packet filter, one table for
/// each server, laid with the program nft.

#include <cstdint>
#include <string>
#include <vector>

#include "base/outcome.h"

namespace cupola::process {

struct NetworkRules {
  std::uint32_t group = 0;      ///< of the server's interfaces; names its table too
  unsigned server_port = 0;     ///< of this server, on whichever address of the host; 0: none
  bool reach_metadata = false;  ///< the addresses under which clouds tell machines their secrets
  bool reach_server = false;
  bool reach_loopback = false;  ///< the host's loopback, under the gateway's address
  /// What resolv.conf names: asked for names (port 53) even where the address is a cloud's.
  std::vector<std::string> name_servers;
};

/// The rules as nft's text, which replaces an older table in one step. All is open but: other runs,
/// the host's forwarding of what nobody asked for, IPv6, and what the flags keep shut.
std::string to_nft(const NetworkRules& rules);

/// Lays them, in the network namespace of this process, and lets the kernel pass packets on
/// (net.ipv4.ip_forward). Can be repeated. Errors: not_found (no nft), unavailable.
Result<void> lay_network_rules(const NetworkRules& rules);

}  // namespace cupola::process
