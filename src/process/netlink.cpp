#include "process/netlink.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cupola::process {
namespace {

// Of <linux/if.h>, which does not go together with <net/if.h>.
constexpr std::uint8_t no_own_address = 1;  // IN6_ADDR_GEN_MODE_NONE

rtmsg route_to(unsigned prefix_length, unsigned char scope) {
  rtmsg fixed{};
  fixed.rtm_family = AF_INET;
  fixed.rtm_dst_len = static_cast<unsigned char>(prefix_length);
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = RTPROT_STATIC;
  fixed.rtm_type = RTN_UNICAST;
  fixed.rtm_scope = scope;
  return fixed;
}

}  // namespace

/// One request: header, fixed part, attributes, which can hold others.
class Netlink::Message {
 public:
  template <typename Fixed>
  Message(std::uint16_t type, std::uint16_t flags, const Fixed& fixed) {
    header().nlmsg_type = type;
    header().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header().nlmsg_len = NLMSG_HDRLEN;
    append(&fixed, sizeof fixed);
  }

  void add(std::uint16_t type, const void* data, std::size_t size) {
    const rtattr attribute{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size)),
                           .rta_type = type};
    append(&attribute, sizeof attribute);
    append(data, size);
  }
  void add(std::uint16_t type, std::string_view text) {
    add(type, std::string(text).c_str(), text.size() + 1);
  }
  template <typename Number>
  void add_number(std::uint16_t type, Number number) {
    add(type, &number, sizeof number);
  }
  void add_address(std::uint16_t type, std::uint32_t address) { add_number(type, htonl(address)); }

  /// What is added until `close` lies within it.
  std::size_t open(std::uint16_t type) {
    const std::size_t at = header().nlmsg_len;
    add(type, nullptr, 0);
    return at;
  }
  void close(std::size_t at) {
    const auto size = static_cast<std::uint16_t>(header().nlmsg_len - at);
    std::memcpy(bytes_.data() + at, &size, sizeof size);
  }
  template <typename Fixed>
  void append_fixed(const Fixed& fixed) {
    append(&fixed, sizeof fixed);
  }

  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }

 private:
  void append(const void* data, std::size_t size) {
    if (header().nlmsg_len + size > bytes_.size()) throw Failure("A netlink request is too long.");
    if (size > 0) std::memcpy(bytes_.data() + header().nlmsg_len, data, size);
    header().nlmsg_len += static_cast<std::uint32_t>(NLMSG_ALIGN(size));
  }

  alignas(nlmsghdr) std::array<char, 1024> bytes_{};
};

Result<Netlink> Netlink::open() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (socket) return Netlink(std::move(socket));
  return Error{Error::Kind::unavailable,
               fmt::format("Cannot ask for changes of the network: {}.", system_text(errno))};
}

Result<void> Netlink::ask(Message& message, const std::string& what) {
  const auto failed = [&](int error) {
    return Error{error == EEXIST ? Error::Kind::conflict : Error::Kind::unavailable,
                 fmt::format("Cannot {}: {}.", what, system_text(error))};
  };
  if (::send(socket_.get(), &message.header(), message.header().nlmsg_len, 0) < 0) {
    return failed(errno);
  }
  alignas(nlmsghdr) std::array<char, 4096> answer;
  ssize_t size = -1;
  do {
    size = ::recv(socket_.get(), answer.data(), answer.size(), 0);
  } while (size < 0 && errno == EINTR);
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
  constexpr auto least = static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)));
  if (size < least || header->nlmsg_type != NLMSG_ERROR) return failed(size < 0 ? errno : EPROTO);
  const auto* error = reinterpret_cast<const nlmsgerr*>(answer.data() + NLMSG_HDRLEN);
  if (error->error != 0) return failed(-error->error);
  return {};
}

Result<void> Netlink::add_pair(const std::string& name, std::uint32_t group,
                               const std::string& peer, int peer_space) {
  const ifinfomsg none{};
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, none);
  message.add(IFLA_IFNAME, name);
  message.add_number(IFLA_GROUP, group);
  const auto info = message.open(IFLA_LINKINFO);
  message.add(IFLA_INFO_KIND, "veth");
  const auto data = message.open(IFLA_INFO_DATA);
  const auto other = message.open(VETH_INFO_PEER);
  message.append_fixed(none);
  message.add(IFLA_IFNAME, peer);
  message.add_number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_space));
  message.close(other);
  message.close(data);
  message.close(info);
  return ask(message, "make the network interface " + name);
}

Result<void> Netlink::switch_on(unsigned index) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  Message quiet(RTM_NEWLINK, 0, link);
  const auto families = quiet.open(IFLA_AF_SPEC);
  const auto v6 = quiet.open(AF_INET6);
  quiet.add_number(IFLA_INET6_ADDR_GEN_MODE, no_own_address);
  quiet.close(v6);
  quiet.close(families);
  // Refused where there is no IPv6, which is as good.
  (void)ask(quiet, "keep IPv6 from a network interface");
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK, 0, link);
  return ask(message, "switch a network interface on");
}

Result<void> Netlink::add_address(unsigned index, std::uint32_t address) {
  ifaddrmsg fixed{};
  fixed.ifa_family = AF_INET;
  fixed.ifa_prefixlen = 32;
  fixed.ifa_index = index;
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, fixed);
  message.add_address(IFA_LOCAL, address);
  message.add_address(IFA_ADDRESS, address);
  return ask(message, "give a network interface its address");
}

Result<void> Netlink::add_host_route(unsigned index, std::uint32_t address) {
  Message message(RTM_NEWROUTE, NLM_F_CREATE, route_to(32, RT_SCOPE_LINK));
  message.add_address(RTA_DST, address);
  message.add_number(RTA_OIF, index);
  return ask(message, "add a route to an address");
}

Result<void> Netlink::add_default_route(unsigned index, std::uint32_t gateway) {
  Message message(RTM_NEWROUTE, NLM_F_CREATE, route_to(0, RT_SCOPE_UNIVERSE));
  message.add_address(RTA_GATEWAY, gateway);
  message.add_number(RTA_OIF, index);
  return ask(message, "add the default route");
}

Result<void> Netlink::forbid(std::uint32_t address, unsigned prefix_length) {
  rtmsg fixed = route_to(prefix_length, RT_SCOPE_UNIVERSE);
  fixed.rtm_type = RTN_PROHIBIT;
  Message message(RTM_NEWROUTE, NLM_F_CREATE, fixed);
  message.add_address(RTA_DST, address);
  return ask(message, "forbid an address");
}

unsigned Netlink::index_of(const std::string& name) {
  // Any socket asks its own namespace, netlink's too.
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(socket_.get(), SIOCGIFINDEX, &request) != 0) return 0;
  return static_cast<unsigned>(request.ifr_ifindex);
}

}  // namespace cupola::process
