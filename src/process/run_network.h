#pragma once

/// A network of a run's own: a namespace joined to the host by a pair of interfaces where the
/// process is root, else by slirp4netns. What of the world it reaches through the first is settled
/// on the host (process/network_rules.h).

#include <cstdint>
#include <optional>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::process {

/// Addresses of runs, one each, and the host's, the same for all: of the range that RFC 2544 keeps
/// from networks that are in use, so that no warehouse is behind it.
inline constexpr std::uint32_t run_network_base = 198u << 24 | 18u << 16;  ///< /16
inline constexpr std::uint32_t run_network_gateway = run_network_base + 1;
/// All interfaces of runs on the host, of all servers, begin so.
inline constexpr const char* run_interface_prefix = "cupola";

/// The resolver that slirp4netns offers; it asks as the host does.
inline constexpr const char* user_network_resolver = "nameserver 10.0.2.3\n";

/// As root: a pair of interfaces, and rules on the host. As an ordinary user: slirp4netns, which
/// makes each connection of the run its own, and routes inside that lead nowhere.
enum class NetworkKind { pair, slirp };

struct RunNetworkPlan {
  NetworkKind kind = NetworkKind::pair;
  std::uint32_t group = 0;  ///< of the interface on the host, by which the rules know the server
  /// The gateway leads to the host's loopback.
  bool host_loopback = false;
  // For slirp; else the rules know.
  bool metadata = false;  ///< the addresses under which clouds tell machines their secrets
  bool host = false;      ///< the host's own addresses, and so the server
};

class RunNetwork {
 public:
  /// Puts the calling process, and those that it starts, into a fresh namespace with a way out.
  /// With the last of them the kernel removes it and all interfaces, whatever kills them. The
  /// process must be single-threaded; as an ordinary user it is in a user namespace of its own
  /// afterwards. Errors: unavailable, with what was tried and the system's words.
  static Result<RunNetwork> enter(const RunNetworkPlan& plan);

  /// Bytes that left it so far; asked from inside, while the run's processes live. Nothing when the
  /// kernel does not tell.
  std::optional<std::int64_t> egress_bytes() const;

 private:
  explicit RunNetwork(const char* interface) : interface_(interface) {}
  static Result<RunNetwork> enter_pair(const RunNetworkPlan& plan);
  static Result<RunNetwork> enter_slirp(const RunNetworkPlan& plan);
  const char* interface_;
};

json::object to_json(const RunNetworkPlan& plan);
RunNetworkPlan parse_run_network_plan(const json::object& object);

}  // namespace cupola::process
