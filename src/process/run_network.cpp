#include "process/run_network.h"

#include <cerrno>
#include <charconv>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "process/kernel_file.h"
#include "process/netlink.h"

namespace cupola::process {
namespace {

constexpr const char* own_space = "/proc/self/ns/net";
constexpr const char* inner_name = "eth0";
constexpr std::uint32_t first_number = 2;  ///< after the network's and the gateway's address
constexpr std::uint32_t last_number = 65533;
constexpr int most_tries = 1000;

Error unavailable(std::string_view what, int error) {
  return {Error::Kind::unavailable, fmt::format("{}: {}.", what, system_text(error))};
}

std::uint32_t random_number() {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) number = 0;
  return first_number + number % (last_number - first_number + 1);
}

/// The two namespaces between which the process changes while it connects them.
struct Spaces {
  Fd host, run;
};

Result<Spaces> make_space() {
  Spaces spaces{.host = Fd(::open(own_space, O_RDONLY | O_CLOEXEC)), .run = {}};
  if (!spaces.host) return unavailable("Cannot open the host's network namespace", errno);
  if (::unshare(CLONE_NEWNET) != 0) return unavailable("Cannot make a network namespace", errno);
  spaces.run = Fd(::open(own_space, O_RDONLY | O_CLOEXEC));
  if (!spaces.run) return unavailable("Cannot open the run's network namespace", errno);
  return spaces;
}

Result<void> go_to(const Fd& space) {
  if (::setns(space.get(), CLONE_NEWNET) == 0) return {};
  return unavailable("Cannot change the network namespace", errno);
}

/// The interface's name is what keeps two runs from one address: the kernel takes it once only.
Result<std::uint32_t> add_pair(Netlink& host, std::uint32_t group, const Fd& run_space) {
  Result<void> added;
  for (int tries = 0; tries < most_tries; ++tries) {
    const std::uint32_t number = random_number();
    added = host.add_pair(fmt::format("{}{}", run_interface_prefix, number), group, inner_name,
                          run_space.get());
    if (added) return number;
    if (added.error().kind != Error::Kind::conflict) return added.error();
  }
  return Error{Error::Kind::unavailable, "There is no free address for the run's network."};
}

/// Refused where /proc/sys is read-only, as in containers; what was asked for then does not work.
void allow_loopback(const std::string& interface) {
  const std::string file = fmt::format("/proc/sys/net/ipv4/conf/{}/route_localnet", interface);
  const Fd setting(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const auto written = setting ? ::write(setting.get(), "1", 1) : -1;
}

Result<void> set_up_host_end(Netlink& host, std::uint32_t number, const RunNetworkPlan& plan) {
  const std::string name = fmt::format("{}{}", run_interface_prefix, number);
  const unsigned index = host.index_of(name);
  auto done = host.add_address(index, run_network_gateway);
  if (done) done = host.switch_on(index);
  if (done) done = host.add_host_route(index, run_network_base + number);
  if (done && plan.host_loopback) allow_loopback(name);
  return done;
}

Result<void> set_up_run_end(std::uint32_t number) {
  auto run = Netlink::open();
  if (!run) return run.error();
  const unsigned index = run->index_of(inner_name);
  auto done = run->switch_on(run->index_of("lo"));
  if (done) done = run->add_address(index, run_network_base + number);
  if (done) done = run->switch_on(index);
  if (done) done = run->add_host_route(index, run_network_gateway);
  if (done) done = run->add_default_route(index, run_network_gateway);
  return done;
}

}  // namespace

Result<RunNetwork> RunNetwork::enter(const RunNetworkPlan& plan) {
  return plan.kind == NetworkKind::pair ? enter_pair(plan) : enter_slirp(plan);
}

Result<RunNetwork> RunNetwork::enter_pair(const RunNetworkPlan& plan) {
  auto spaces = make_space();
  if (!spaces) return spaces.error();
  if (auto gone = go_to(spaces->host); !gone) return gone.error();
  auto host = Netlink::open();
  if (!host) return host.error();
  const auto number = add_pair(*host, plan.group, spaces->run);
  if (!number) return number.error();
  if (auto done = set_up_host_end(*host, *number, plan); !done) return done.error();
  if (auto gone = go_to(spaces->run); !gone) return gone.error();
  if (auto done = set_up_run_end(*number); !done) return done.error();
  return RunNetwork(inner_name);
}

// Lines of proc(5)'s net/dev: name, colon, 8 numbers of what came, then bytes that went.
std::optional<std::int64_t> RunNetwork::egress_bytes() const {
  const std::string devices = text_of("/proc/self/net/dev");
  for (const auto line : split(devices, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != interface_) continue;
    std::string_view rest = line.substr(colon + 1);
    for (int field = 0;; ++field) {
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
      if (field == 8) break;
      rest.remove_prefix(std::min(rest.size(), rest.find(' ')));
    }
    std::int64_t bytes = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), bytes);
    if (read.ec == std::errc{}) return bytes;
  }
  return std::nullopt;
}

json::object to_json(const RunNetworkPlan& plan) {
  return {{"slirp", plan.kind == NetworkKind::slirp},
          {"group", plan.group},
          {"host_loopback", plan.host_loopback},
          {"metadata", plan.metadata},
          {"host", plan.host}};
}

RunNetworkPlan parse_run_network_plan(const json::object& object) {
  return {.kind = flag_at(object, "slirp") ? NetworkKind::slirp : NetworkKind::pair,
          .group = static_cast<std::uint32_t>(number_at(object, "group")),
          .host_loopback = flag_at(object, "host_loopback"),
          .metadata = flag_at(object, "metadata"),
          .host = flag_at(object, "host")};
}

}  // namespace cupola::process
