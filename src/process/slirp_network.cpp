#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "base/files.h"
#include "process/netlink.h"
#include "process/program.h"
#include "process/run_network.h"

namespace cupola::process {
namespace {

constexpr const char* search_path = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin";
constexpr const char* inner_name = "tap0";
constexpr int ready_within = 10'000;  ///< milliseconds

Error unavailable(std::string_view what, int error) {
  return {Error::Kind::unavailable, fmt::format("{}: {}.", what, system_text(error))};
}

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return unavailable("Cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// Of the host, as long as the process is in its network: numbers in the host's byte order.
std::vector<std::uint32_t> addresses_of_host() {
  std::vector<std::uint32_t> all;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return all;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    const std::uint32_t number = ntohl(address->sin_addr.s_addr);
    if (number >> 24 != 127) all.push_back(number);
  }
  ::freeifaddrs(list);
  return all;
}

Result<void> write_text(const char* file, std::string_view text) {
  const Fd fd(::open(file, O_WRONLY | O_CLOEXEC));
  if (fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return {};
  }
  return unavailable(fmt::format("Cannot write {}", file), errno);
}

Result<void> make_space() {
  const unsigned uid = ::geteuid();
  const unsigned gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return unavailable("Cannot make a user and network namespace", errno);
  }
  auto done = write_text("/proc/self/setgroups", "deny");
  if (done) done = write_text("/proc/self/uid_map", fmt::format("{0} {0} 1", uid));
  if (done) done = write_text("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
  return done;
}

Result<void> shut_ways(const RunNetworkPlan& plan, const std::vector<std::uint32_t>& host) {
  struct Range {
    std::uint32_t address;
    unsigned length;
  };
  std::vector<Range> shut;
  if (!plan.metadata) {
    shut = {{169u << 24 | 254u << 16, 16},
            {100u << 24 | 100u << 16 | 100u << 8 | 200u, 32},
            {192u << 24 | 192u, 32},
            {168u << 24 | 63u << 16 | 129u << 8 | 16u, 32}};
  }
  if (!plan.host) {
    for (const std::uint32_t address : host) shut.push_back({address, 32});
  }
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  auto done = netlink->switch_on(netlink->index_of("lo"));
  for (const Range& range : shut) {
    if (done) done = netlink->forbid(range.address, range.length);
  }
  return done;
}

/// Waits, on the host's side, for a line; then it is slirp4netns.
Result<Child> start_waiting(const RunNetworkPlan& plan, const Pipe& go, const Pipe& ready) {
  const int pid = ::getpid();
  std::string script = fmt::format(
      "read -r go && exec slirp4netns --configure --mtu=65520 --ready-fd={} "
      "--userns-path=/proc/{}/ns/user{} {} {}",
      ready.write.get(), pid, plan.host_loopback ? "" : " --disable-host-loopback", pid,
      inner_name);
  return start({.argv = {"/bin/sh", "-c", std::move(script)},
                .env = {{"PATH", search_path}},
                .dies_with_parent = true},
               {.in = go.read.get(), .also = {ready.write.get()}});
}

}  // namespace

Result<RunNetwork> RunNetwork::enter_slirp(const RunNetworkPlan& plan) {
  auto go = make_pipe();
  if (!go) return go.error();
  auto ready = make_pipe();
  if (!ready) return ready.error();
  auto slirp = start_waiting(plan, *go, *ready);
  if (!slirp) return slirp.error();
  ready->write.reset();
  const auto host = addresses_of_host();
  if (auto made = make_space(); !made) return made.error();
  if (auto shut = shut_ways(plan, host); !shut) return shut.error();
  if (::write(go->write.get(), "\n", 1) != 1) return unavailable("Cannot start slirp4netns", errno);
  pollfd waited{ready->read.get(), POLLIN, 0};
  char answer = 0;
  if (::poll(&waited, 1, ready_within) != 1 || ::read(ready->read.get(), &answer, 1) != 1) {
    return Error{Error::Kind::unavailable, "slirp4netns did not connect the run's network."};
  }
  slirp->detach();  // it goes with this process, which reaps all that it has
  return RunNetwork(inner_name);
}

}  // namespace cupola::process
