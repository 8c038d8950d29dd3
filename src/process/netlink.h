#pragma once

/// Requests to the kernel's network configuration (rtnetlink(7)). Inner to `process`.

#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/outcome.h"

namespace cupola::process {

/// Speaks to the network namespace in which it was opened, whichever the process is in later. IPv4
/// addresses are numbers in the host's byte order. Errors: conflict (it is there already), else
/// unavailable, with the system's words.
class Netlink {
 public:
  static Result<Netlink> open();

  /// A pair of interfaces: `name`, of the group, here; `peer` in the namespace behind `peer_space`.
  Result<void> add_pair(const std::string& name, std::uint32_t group, const std::string& peer,
                        int peer_space);
  /// Without the address that IPv6 would give it by itself.
  Result<void> switch_on(unsigned index);
  Result<void> add_address(unsigned index, std::uint32_t address);
  /// Everything for `address` goes out there; to neighbours.
  Result<void> add_host_route(unsigned index, std::uint32_t address);
  /// Everything else goes there.
  Result<void> add_default_route(unsigned index, std::uint32_t gateway);
  /// Nothing goes to those addresses: programs see EACCES.
  Result<void> forbid(std::uint32_t address, unsigned prefix_length);
  /// The index of an interface. 0: there is none.
  unsigned index_of(const std::string& name);

 private:
  explicit Netlink(Fd socket) : socket_(std::move(socket)) {}
  class Message;
  Result<void> ask(Message& message, const std::string& what);
  Fd socket_;
};

}  // namespace cupola::process
