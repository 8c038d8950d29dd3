#include "runner/networks.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

namespace cupola::runner {
namespace {

using process::SandboxKind;
using store::NetworkMode;
using testing::HasSubstr;

constexpr store::Network wanted{.mode = NetworkMode::isolated, .is_default = false};
constexpr store::Network usual{.mode = NetworkMode::isolated, .is_default = true};

process::Support support(SandboxKind kind) {
  return {.kind = kind, .text = "as a test wants it"};
}

TEST(NetworksTest, TheHostsNetworkNeedsNothing) {
  Networks networks("server", {});

  const auto chosen =
      networks.choose({.mode = NetworkMode::host, .is_default = true}, support(SandboxKind::none));

  ASSERT_TRUE(chosen);
  EXPECT_FALSE(chosen->plan);
  EXPECT_EQ(chosen->note, "");
}

TEST(NetworksTest, WhereNothingIsolatesOneThatWasChosenIsRefusedAndADefaultSaysSo) {
  Networks networks("server", {});

  const auto refused = networks.choose(wanted, support(SandboxKind::none));
  const auto told = networks.choose(usual, support(SandboxKind::none));

  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().hint, HasSubstr("cupola admin set-network ORGANIZATION host"));
  ASSERT_TRUE(told);
  EXPECT_FALSE(told->plan);
  EXPECT_THAT(told->note, HasSubstr("has the host's network"));
}

TEST(NetworksTest, WithoutRootSlirp4netnsJoinsOrWhatItLacksIsSaid) {
  Networks networks("server", {.name_servers = {"192.0.2.53"}});

  const auto chosen = networks.choose(wanted, support(SandboxKind::user_namespace));

  if (chosen) {
    ASSERT_TRUE(chosen->plan);
    EXPECT_EQ(chosen->plan->kind, process::NetworkKind::slirp);
    EXPECT_FALSE(chosen->plan->metadata);
    EXPECT_THAT(chosen->resolv_conf, HasSubstr("192.0.2.53"));
  } else {
    EXPECT_THAT(chosen.error().message, HasSubstr("slirp4netns"));
  }
}

/// In a network namespace of its own, so that no rule reaches the machine.
TEST(NetworksTest, AsRootThePacketFiltersRulesAreLaidOnceAndAgainForAnotherPort) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::thread([] {
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs a network namespace";
    unsigned port = 8080;
    Networks networks("server",
                      {.server_port = [&port] { return port; }, .name_servers = {"192.0.2.53"}});

    const auto first = networks.choose(wanted, support(SandboxKind::root));
    const auto again = networks.choose(usual, support(SandboxKind::root));
    port = 8081;
    const auto moved = networks.choose(wanted, support(SandboxKind::root));

    for (const auto* chosen : {&first, &again, &moved}) {
      ASSERT_TRUE(*chosen) << to_text(chosen->error());
      ASSERT_TRUE((*chosen)->plan);
      EXPECT_EQ((*chosen)->plan->group, (*first).plan->group);
      EXPECT_EQ((*chosen)->note, "");
      EXPECT_THAT((*chosen)->resolv_conf, HasSubstr("192.0.2.53"));
    }
  }).join();
}

}  // namespace
}  // namespace cupola::runner
