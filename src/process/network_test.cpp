#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "process/disk_use.h"
#include "process/kernel_file.h"
#include "process/name_servers.h"
#include "process/network_rules.h"
#include "process/run_network.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FolderTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, std::string_view text) const {
    std::ofstream(root_ / name) << text;
    return root_ / name;
  }
  const TempFolder folder_{"cupola-network"};
  const fs::path& root_ = folder_.path();
};

using ResolverTest = FolderTest;

TEST_F(ResolverTest, ServersOfTheHostAreTakenWhereTheyAreReached) {
  const auto file =
      write("a", "search corp.example\nnameserver 10.0.0.53\nnameserver 127.0.0.53\n");

  const auto found = find_resolver({}, {file});

  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->servers, ElementsAre("10.0.0.53"));
  EXPECT_EQ(found->text, "search corp.example\nnameserver 10.0.0.53\n");
}

// systemd-resolved listens on the loopback, and keeps the servers that it asks in another file.
TEST_F(ResolverTest, BehindAResolverOnTheLoopbackItsOwnServersAreAsked) {
  const auto stub = write("a", "nameserver 127.0.0.53\noptions edns0\n");
  const auto real = write("b", "nameserver 192.168.1.1\nnameserver fe80::1\n");

  const auto found = find_resolver({}, {stub, real});

  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->servers, ElementsAre("192.168.1.1"));
}

TEST_F(ResolverTest, WhereNoneIsReachedThatIsSaidWithWhatToDo) {
  const auto file = write("a", "nameserver 127.0.0.1\n");

  const auto found = find_resolver({}, {file, root_ / "none"});

  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("127.0.0.1"));
  EXPECT_THAT(found.error().hint, HasSubstr("--run-dns"));
  EXPECT_THAT(find_resolver({"10.1.1.1"}, {file})->text, HasSubstr("nameserver 10.1.1.1\n"));
}

TEST(NetworkRulesTest, WhatIsShutIsOpenedByFlags) {
  const NetworkRules shut{.group = 7, .server_port = 8080, .name_servers = {"169.254.169.254"}};
  NetworkRules open = shut;
  open.reach_metadata = open.reach_server = open.reach_loopback = true;

  EXPECT_THAT(to_nft(shut), HasSubstr("169.254.0.0/16"));
  EXPECT_THAT(to_nft(shut), HasSubstr("ip daddr { 169.254.169.254 } meta l4proto { tcp, udp } th "
                                      "dport 53 accept"));
  EXPECT_THAT(to_nft(shut), HasSubstr("tcp dport 8080 reject"));
  EXPECT_THAT(to_nft(shut), Not(HasSubstr("127.0.0.1")));
  EXPECT_THAT(to_nft(open), Not(HasSubstr("169.254.0.0/16")));
  EXPECT_THAT(to_nft(open), Not(HasSubstr("8080")));
  EXPECT_THAT(to_nft(open), HasSubstr("198.18.0.1 dnat ip to 127.0.0.1"));
}

using DiskUseTest = FolderTest;

TEST_F(DiskUseTest, FilesFoldersAndEmptyFilesCountAndLinksDoNotLeadAway) {
  write("large", std::string(1 << 20, 'x'));
  fs::create_directories(root_ / "below");
  for (int i = 0; i < 100; ++i) write("below/" + std::to_string(i), "");
  fs::create_symlink("/usr", root_ / "link");

  const std::int64_t used = disk_use(root_);

  EXPECT_GE(used, (1 << 20) + 100 * 1024);
  EXPECT_LE(used, 2 << 20);
  EXPECT_EQ(disk_use(root_ / "none"), 0);
}

/// Runs `work` in a child that is in a network namespace of its own, as if it were a host, and
/// gives what it wrote; empty where the machine does not let it.
template <typename Work>
std::string on_a_host_of_its_own(Work work) {
  int ends[2];
  if (::pipe(ends) != 0) return "";
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const std::string said = ::unshare(CLONE_NEWNET) == 0 ? work() : std::string();
    const bool written = ::write(ends[1], said.data(), said.size()) >= 0;
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

/// A process in a network of its own, which tells when it is there and then waits.
pid_t start_in_network(std::string& said) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto network = RunNetwork::enter({.group = 7});
    const std::string text = network ? "egress " +
                                           std::to_string(network->egress_bytes().value_or(-1)) +
                                           "\n" + text_of("/proc/self/net/route")
                                     : network.error().message;
    if (::write(ends[1], text.data(), text.size()) < 0) ::_exit(1);
    ::close(ends[1]);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char buffer[4096];
  const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  if (count > 0) said.assign(buffer, static_cast<std::size_t>(count));
  return child;
}

std::ptrdiff_t count_interfaces() {
  const std::string devices = text_of("/proc/self/net/dev");
  std::ptrdiff_t count = 0;
  for (auto at = devices.find(run_interface_prefix); at != std::string::npos;
       at = devices.find(run_interface_prefix, at + 1)) {
    ++count;
  }
  return count;
}

TEST(RunNetworkTest, TwoRunsAreJoinedAndNothingIsLeftWhenTheyAreKilled) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";

  const std::string said = on_a_host_of_its_own([] {
    std::string first_said, second_said;
    const pid_t first = start_in_network(first_said);
    const pid_t second = start_in_network(second_said);
    std::string text = std::to_string(count_interfaces()) + "\n" + first_said + second_said;
    for (const pid_t child : {first, second}) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    for (int tries = 0; count_interfaces() > 0 && tries < 1000; ++tries) ::usleep(10'000);
    return text + "left " + std::to_string(count_interfaces());
  });

  if (said.empty()) GTEST_SKIP() << "no network namespaces here";
  EXPECT_THAT(said, testing::StartsWith("2\negress "));
  EXPECT_THAT(said, HasSubstr("010012C6")) << "the gateway 198.18.0.1";
  EXPECT_THAT(said, testing::EndsWith("left 0"));
}

}  // namespace
}  // namespace cupola::process
