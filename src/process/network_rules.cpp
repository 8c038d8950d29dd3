#include "process/network_rules.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "process/kernel_file.h"
#include "process/program.h"
#include "process/run_network.h"

namespace cupola::process {
namespace {

constexpr const char* search_path = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin";
constexpr const char* forwarding = "/proc/sys/net/ipv4/ip_forward";

/// Amazon, Google, Microsoft, Oracle and most others; containers of Amazon; Alibaba; Oracle's old
/// one; Azure's.
constexpr const char* metadata = "169.254.0.0/16, 100.100.100.200, 192.0.0.192, 168.63.129.16";

std::string text_of_address(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255,
                     address & 255);
}

Result<void> allow_forwarding() {
  if (trim(text_of(forwarding)) == "1") return {};
  const Fd setting(::open(forwarding, O_WRONLY | O_CLOEXEC));
  if (setting && ::write(setting.get(), "1", 1) == 1) return {};
  return Error{Error::Kind::unavailable,
               fmt::format("Cannot let the kernel pass packets on ({}): {}.", forwarding,
                           system_text(errno))};
}

}  // namespace

std::string to_nft(const NetworkRules& rules) {
  const std::string table = fmt::format("inet cupola_{:08x}", rules.group);
  const std::string ours = fmt::format("meta iifgroup {}", rules.group);
  std::string forward;
  if (!rules.reach_metadata) {
    if (!rules.name_servers.empty()) {
      forward +=
          fmt::format("    {} ip daddr {{ {} }} meta l4proto {{ tcp, udp }} th dport 53 accept\n",
                      ours, fmt::join(rules.name_servers, ", "));
    }
    forward += fmt::format("    {} ip daddr {{ {} }} reject\n", ours, metadata);
  }
  std::string input;
  if (!rules.reach_server && rules.server_port != 0) {
    input += fmt::format("    {} tcp dport {} reject with tcp reset\n", ours, rules.server_port);
  }
  std::string loopback;
  if (rules.reach_loopback) {
    loopback = fmt::format(
        "  chain loopback {{\n"
        "    type nat hook prerouting priority dstnat; policy accept;\n"
        "    {} ip daddr {} dnat ip to 127.0.0.1\n"
        "  }}\n",
        ours, text_of_address(run_network_gateway));
  }
  return fmt::format(
      "table {0} {{}}\n"
      "delete table {0}\n"
      "table {0} {{\n"
      "  chain forward {{\n"
      "    type filter hook forward priority filter - 10; policy accept;\n"
      "    meta oifgroup {2} ct state != {{ established, related }} drop\n"
      "    {1} oifname \"{3}*\" drop\n"
      "    {1} meta nfproto ipv6 drop\n"
      "{4}"
      "  }}\n"
      "  chain input {{\n"
      "    type filter hook input priority filter - 10; policy accept;\n"
      "    {1} meta nfproto ipv6 drop\n"
      "{5}"
      "  }}\n"
      "{6}"
      "  chain way_out {{\n"
      "    type nat hook postrouting priority srcnat; policy accept;\n"
      "    ip saddr {7}/16 oifname != \"{3}*\" masquerade\n"
      "  }}\n"
      "}}\n",
      table, ours, rules.group, run_interface_prefix, forward, input, loopback,
      text_of_address(run_network_base));
}

Result<void> lay_network_rules(const NetworkRules& rules) {
  if (!find_program("nft", search_path)) {
    return Error{Error::Kind::not_found, "The program nft is not installed.",
                 "Install it: apt install nftables."};
  }
  if (auto allowed = allow_forwarding(); !allowed) return allowed;
  const auto output =
      run({.argv = {"nft", "-f", "-"}, .env = {{"PATH", search_path}}},
          {.timeout = std::chrono::seconds(10), .output = 64u << 10}, to_nft(rules));
  if (!output) return output.error();
  if (output->exit.ok()) return {};
  const std::string said = printable(trim(split(trim(output->err), '\n').front()));
  return Error{Error::Kind::unavailable, fmt::format("nft did not take the rules: {}", said)};
}

}  // namespace cupola::process
