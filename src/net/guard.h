#pragma once

/// Where requests may go that others named: not to this machine, nor into its networks.
///
/// An address is judged when it is dialled, after the name was resolved, so that neither a way of
/// writing it (decimal, octal, mapped into IPv6) nor a name that changes its address gets around
/// it.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

struct sockaddr;

namespace cupola::net {

/// An IPv6 address, or an IPv4 one mapped into it (::ffff:a.b.c.d), in network order.
using AddressBytes = std::array<std::uint8_t, 16>;

/// A network such as 10.0.0.0/8 or fd00::/8; an address alone is one of its own.
struct Network {
  AddressBytes base{};
  int prefix = 128;  ///< of the 128 bits

  bool contains(const AddressBytes& address) const;
};
/// Errors: invalid.
Result<Network> parse_network(std::string_view text);

/// Judges addresses and URLs. Safe from any thread.
class Guard {
 public:
  /// `allowed`: inner networks that may be reached all the same.
  explicit Guard(std::vector<Network> allowed = {}) : allowed_(std::move(allowed)) {}

  /// Why this address may not be dialled: "127.0.0.1 is an inner address". Empty when it may.
  std::string objection(const sockaddr& address) const;

  /// The URL as it is, if it may be kept as a receiver: http or https, a host, no
  /// user or password in it, no port of another well-known protocol, no control characters or
  /// spaces, at most 2000 bytes, and no inner address where its host is an address. Errors:
  /// invalid.
  Result<std::string> check_url(std::string_view url) const;

 private:
  bool is_denied(const AddressBytes& address) const;

  std::vector<Network> allowed_;
};

/// Whether that port belongs to a well-known protocol that is not HTTP: mail, databases, shells.
bool is_foreign_port(unsigned port);

}  // namespace cupola::net
