#include "process/program.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"
#include "process/strays.h"

namespace cupola::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Program shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .env = {{"PATH", "/usr/bin:/bin"}}};
}

bool is_alive(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return !text.empty() && text.find(") Z") == std::string::npos;
}

bool is_gone_within(int pid, std::chrono::milliseconds span) {
  const auto until = std::chrono::steady_clock::now() + span;
  while (is_alive(pid) && std::chrono::steady_clock::now() < until) ::usleep(5000);
  return !is_alive(pid);
}

TEST(ProgramTest, OutputErrorAndExitCodeComeBack) {
  const auto output = run(shell("echo out; echo err >&2; exit 3"));

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->err, "err\n");
  EXPECT_EQ(output->exit.code, 3);
  EXPECT_EQ(output->exit.signal, 0);
  EXPECT_FALSE(output->exit.ok());
}

TEST(ProgramTest, EnvironmentIsExactlyWhatIsGiven) {
  ::setenv("CUPOLA_TEST_LEAK", "1", 1);

  const auto output =
      run({.argv = {"env"}, .env = {{"PATH", "/usr/bin:/bin"}, {"A", "b c"}, {"EMPTY", ""}}});

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "A=b c\nEMPTY=\nPATH=/usr/bin:/bin\n");
}

TEST(ProgramTest, ArgumentsReachItUnchanged) {
  const auto output = run({.argv = {"/usr/bin/printf", "%s|", "a b", "", "$HOME", "*", "-x"}});

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "a b||$HOME|*|-x|");
}

TEST(ProgramTest, FolderIsItsWorkingDirectory) {
  Program program{.argv = {"/bin/pwd"}};
  program.folder = "/usr/lib";

  const auto output = run(program);

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "/usr/lib\n");
}

TEST(ProgramTest, OnlyNamedDescriptorsAreOpenInTheChild) {
  const Fd leaked(::open("/dev/null", O_RDONLY));
  const Fd given(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd out(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(leaked && given && out);

  auto child =
      start({.argv = {"/bin/ls", "/proc/self/fd"}}, {.out = out.get(), .also = {given.get()}});

  ASSERT_TRUE(child) << child.error().message;
  ASSERT_TRUE(child->wait().ok());
  std::string text(200, '\0');
  text.resize(static_cast<std::size_t>(::pread(out.get(), text.data(), text.size(), 0)));
  // The last is the folder that ls itself has open.
  const int free = given.get() == 3 ? 4 : 3;
  std::vector<int> expected{0, 1, 2, given.get(), free};
  std::sort(expected.begin(), expected.end());
  std::string listing;
  for (const int fd : expected) listing += std::to_string(fd) + "\n";
  EXPECT_EQ(text, listing);
}

TEST(ProgramTest, IgnoredAndBlockedSignalsAreDefaultAgainInTheChild) {
  const auto before = std::signal(SIGINT, SIG_IGN);
  sigset_t usr1, mask;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &mask);

  const auto output = run({.argv = {"/bin/grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}});

  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  std::signal(SIGINT, before);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(ProgramTest, ChildLeadsASessionOfItsOwn) {
  const auto output = run(shell("set -- $(cat /proc/$$/stat); test $1 = $5 && test $1 = $6"));

  ASSERT_TRUE(output);
  EXPECT_TRUE(output->exit.ok());
}

TEST(ProgramTest, MissingProgramsAndFoldersAreToldApart) {
  Program in_nowhere = shell("true");
  in_nowhere.folder = "/no/such/folder";

  const auto unknown = run({.argv = {"no-such-program"}, .env = {{"PATH", "/usr/bin"}}});
  const auto no_file = run({.argv = {"/no/such/program"}});
  const auto no_folder = run(in_nowhere);
  const auto no_program = run({.argv = {"/etc/passwd"}});
  const auto nothing = run({});

  EXPECT_EQ(unknown.error().kind, Error::Kind::not_found);
  EXPECT_EQ(unknown.error().message, "There is no program 'no-such-program' in /usr/bin.");
  EXPECT_EQ(no_file.error().kind, Error::Kind::not_found);
  EXPECT_EQ(no_folder.error().kind, Error::Kind::not_found);
  EXPECT_THAT(no_folder.error().message, HasSubstr("/no/such/folder"));
  EXPECT_EQ(no_program.error().kind, Error::Kind::invalid);
  EXPECT_EQ(nothing.error().kind, Error::Kind::invalid);
}

TEST(ProgramTest, ZeroBytesAndUnusableNamesAreRefused) {
  const auto argument = run({.argv = {"/bin/echo", std::string("a\0b", 3)}});
  const auto value = run({.argv = {"/bin/echo"}, .env = {{"A", std::string("\0", 1)}}});
  const auto name = run({.argv = {"/bin/echo"}, .env = {{"A=B", "c"}}});

  EXPECT_EQ(argument.error().kind, Error::Kind::invalid);
  EXPECT_EQ(value.error().kind, Error::Kind::invalid);
  EXPECT_EQ(name.error().kind, Error::Kind::invalid);
}

TEST(ProgramTest, TooLongArgumentsAreTold) {
  const auto output = run({.argv = {"/bin/echo", std::string(1u << 20, 'x')}});

  EXPECT_EQ(output.error().kind, Error::Kind::too_large);
}

TEST(ProgramTest, InputLargerThanAPipeComesBackWhole) {
  const std::string input(3u << 20, 'x');

  const auto output = run({.argv = {"/bin/cat"}}, {}, input);

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, input);
}

TEST(ProgramTest, UnreadInputIsNoFault) {
  const auto output = run({.argv = {"/bin/true"}}, {}, std::string(3u << 20, 'x'));

  ASSERT_TRUE(output);
  EXPECT_TRUE(output->exit.ok());
}

TEST(ProgramTest, OutputOverTheLimitIsReadAndDropped) {
  const auto output = run(shell("head -c 5000000 /dev/zero"), {.output = 1000});

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out.size(), 1000u);
  EXPECT_TRUE(output->exit.ok());
}

TEST(ProgramTest, LinesAreToldWholeAndTheLastWithoutNewlineToo) {
  std::vector<std::string> lines;

  const auto output = run(shell("printf 'a'; sleep 0.05; printf 'b\\nc\\n\\nend'"), {}, {},
                          [&](std::string_view line) { lines.emplace_back(line); });

  ASSERT_TRUE(output);
  EXPECT_THAT(lines, ElementsAre("ab", "c", "", "end"));
}

TEST(ProgramTest, TimeOutEndsThePoliteAndTheirChildren) {
  const auto begin = std::chrono::steady_clock::now();

  const auto output = run(shell("sleep 60 & echo $!; wait"), {.timeout = 100ms});

  ASSERT_TRUE(output);
  EXPECT_TRUE(output->exit.timed_out);
  EXPECT_EQ(output->exit.signal, SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
  EXPECT_TRUE(is_gone_within(std::stoi(output->out), 2s));
}

TEST(ProgramTest, StopTokenEndsIt) {
  std::stop_source source;
  std::jthread stopper([&] {
    ::usleep(50'000);
    source.request_stop();
  });

  const auto output = run(shell("trap 'exit 9' TERM; while :; do sleep 0.02; done"), {}, {}, {},
                          source.get_token());

  ASSERT_TRUE(output);
  EXPECT_TRUE(output->exit.stopped);
  EXPECT_EQ(output->exit.code, 9);
}

TEST(ProgramTest, WhatItLeavesInItsGroupIsKilledAndDoesNotHoldUsUp) {
  const auto begin = std::chrono::steady_clock::now();

  const auto output = run(shell("sleep 60 & echo $!; exit 0"));

  ASSERT_TRUE(output);
  EXPECT_TRUE(output->exit.ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_TRUE(is_gone_within(std::stoi(output->out), 2s));
}

TEST(ProgramTest, DestroyedChildIsKilledAndReaped) {
  int pid = 0;
  {
    const auto child = start({.argv = {"/bin/sleep", "60"}}, {});
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_TRUE(is_alive(pid));
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ProgramTest, PidfdTellsTheEnd) {
  auto child = start(shell("exit 0"), {});
  ASSERT_TRUE(child);
  pollfd waiting{child->pidfd(), POLLIN, 0};

  EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
  EXPECT_TRUE(child->wait().ok());
}

TEST(ProgramTest, SignalIsTold) {
  auto child = start({.argv = {"/bin/sleep", "60"}}, {});
  ASSERT_TRUE(child);
  child->signal(SIGUSR1);

  const Exit exit = child->wait();

  EXPECT_EQ(exit.signal, SIGUSR1);
  EXPECT_EQ(exit.code, 128 + SIGUSR1);
}

TEST(ProgramTest, LimitsHoldInTheChildAlone) {
  Program program = shell("ulimit -n; ulimit -c");
  program.limits = {{RLIMIT_NOFILE, 77}, {RLIMIT_CORE, 0}};

  const auto output = run(program);

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "77\n0\n");
}

TEST(ProgramTest, ChildDiesWithTheThreadThatStartedIt) {
  Program program{.argv = {"/bin/sleep", "60"}};
  program.dies_with_parent = true;
  int pid = 0;

  std::thread([&] {
    auto child = start(program, {});
    if (child) pid = child->detach();
  }).join();

  ASSERT_GT(pid, 0);
  EXPECT_TRUE(is_gone_within(pid, 2s));
}

TEST(StraysTest, WhatHasTheVariableIsKilledAndNothingElse) {
  const auto sleeper = [](std::string value) {
    return start({.argv = {"/bin/sleep", "60"}, .env = {{"A", "1"}, {"RUN", std::move(value)}}},
                 {});
  };
  auto stray = sleeper("7"), longer = sleeper("77"), other = sleeper("8");
  ASSERT_TRUE(stray && longer && other);

  EXPECT_EQ(kill_strays("RUN=7"), 1);

  EXPECT_EQ(stray->wait().signal, SIGKILL);
  EXPECT_FALSE(is_gone_within(longer->pid(), 50ms));
  EXPECT_FALSE(is_gone_within(other->pid(), 50ms));
}

TEST(ProgramTest, CpuTimeAndMemoryAreMeasured) {
  const auto output = run({.argv = {"/usr/bin/python3", "-c",
                                    "x = bytearray(60_000_000)\nfor i in range(3_000_000): pass"}});

  ASSERT_TRUE(output);
  EXPECT_GT(output->exit.peak_memory, 60'000'000);
  EXPECT_GT(output->exit.cpu_time, 20ms);
}

TEST(ProgramTest, HelpersGetProxiesAndIndexesButNoSecretsOfTheServer) {
  ::setenv("HTTPS_PROXY", "http://proxy:3128", 1);
  ::setenv("UV_INDEX_INNER_PASSWORD", "for-uv", 1);
  ::setenv("CUPOLA_TOKEN", "cup_x", 1);
  ::setenv("LD_PRELOAD_NOT", "x", 1);

  const auto env = helper_environment("/scratch");

  EXPECT_EQ(env.at("HTTPS_PROXY"), "http://proxy:3128");
  EXPECT_EQ(env.at("UV_INDEX_INNER_PASSWORD"), "for-uv");
  EXPECT_EQ(env.at("HOME"), "/scratch");
  EXPECT_FALSE(env.contains("CUPOLA_TOKEN"));
  EXPECT_FALSE(env.contains("LD_PRELOAD_NOT"));
  ::unsetenv("HTTPS_PROXY");
}

TEST(ProgramTest, ProgramsAreFoundAlongThePathOnly) {
  EXPECT_EQ(find_program("sh", "/no/where:/bin"), "/bin/sh");
  EXPECT_EQ(find_program("passwd", "/etc"), std::nullopt);
  EXPECT_EQ(find_program("sh", ""), std::nullopt);
  EXPECT_EQ(find_program("../bin/sh", "/usr/bin"), std::nullopt);
}

}  // namespace
}  // namespace cupola::process
