#include "supervisor/supervise_test.h"

namespace cupola::supervisor {
namespace {

class SuperviseLimitsTest : public SuperviseTest {
 protected:
  /// What started.json says of the limits.
  std::string limits_in_force() const {
    const auto started =
        parse_started(read_file(started_file(spec_.folder), 1u << 16).value_or(""));
    return started ? started->sandbox : "";
  }
};

INSTANTIATE_TEST_SUITE_P(On, SuperviseLimitsTest, testing::Bool(),
                         [](const auto& name) { return name.param ? "Sandboxed" : "Bare"; });

TEST_P(SuperviseLimitsTest, Case09OutOfMemoryIsToldAsSuchWithThePeak) {
  spec_.memory_limit = 100 << 20;
  spec_.command = {"/usr/bin/python3", "-c", "x = bytearray(300_000_000); print(len(x))"};
  start(to_json_text(spec_));

  const Outcome outcome = await_outcome();
  const auto started = parse_started(*read_file(started_file(spec_.folder), 1u << 16));

  ASSERT_TRUE(started);
  EXPECT_THAT(started->sandbox, HasSubstr("memory limit 100 MiB"));
  if (started->sandbox.find("by cgroup") == std::string::npos) {
    EXPECT_EQ(outcome.exit_code, 1) << "MemoryError under the limit of the process";
    GTEST_SKIP() << started->sandbox;
  }
  EXPECT_TRUE(outcome.out_of_memory);
  EXPECT_EQ(outcome.exit_signal, SIGKILL);
  EXPECT_GE(outcome.peak_memory, 90 << 20);
  EXPECT_LE(outcome.peak_memory, 100 << 20);
}

TEST_P(SuperviseLimitsTest, WithinItsMemoryItIsLeftAlone) {
  spec_.memory_limit = 300 << 20;
  spec_.command = {"/usr/bin/python3", "-c", "x = bytearray(100_000_000); print(len(x))"};
  start(to_json_text(spec_));

  const Outcome outcome = await_outcome();

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_FALSE(outcome.out_of_memory);
  for (const auto& entry : fs::recursive_directory_iterator(
           "/sys/fs/cgroup", fs::directory_options::skip_permission_denied)) {
    EXPECT_NE(entry.path().filename(), spec_.run.text()) << "a group was left behind";
  }
}

constexpr const char* fork_bomb =
    "exec /usr/bin/python3 -c '"
    "import os, time\n"
    "count = 0\n"
    "try:\n"
    "    for count in range(1000):\n"
    "        if os.fork() == 0: time.sleep(60); os._exit(0)\n"
    "except OSError as error: print(\"refused\", count, error.strerror)\n"
    "'";

TEST_P(SuperviseLimitsTest, Case09ForkBombComesToTheLimitOfProcesses) {
  if (::geteuid() != 0 && !GetParam()) GTEST_SKIP() << "has no user of its own";
  spec_.process_limit = 50;
  const auto begin = Clock::now();

  const Outcome outcome = run_script(fork_bomb);

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(log_lines(), testing::Contains(testing::MatchesRegex("refused [0-9]* Resource.*")));
  EXPECT_LT(Clock::now() - begin, 30s);
}

TEST_P(SuperviseLimitsTest, Case09ProcessesAreCountedByTheGroupWhereThereIsOne) {
  spec_.process_limit = 50;
  spec_.memory_limit = 300 << 20;

  const Outcome outcome = run_script(fork_bomb);

  if (limits_in_force().find("by cgroup") == std::string::npos) GTEST_SKIP() << "no control groups";
  EXPECT_TRUE(outcome.out_of_processes);
  EXPECT_FALSE(outcome.out_of_memory);
}

TEST_P(SuperviseLimitsTest, CpuIsSharedOutByCores) {
  spec_.cpu_limit = 0.25;
  const auto begin = Clock::now();

  const Outcome outcome =
      run_script("exec /usr/bin/python3 -c 'import time\nwhile time.process_time() < 0.6: pass'");

  if (limits_in_force().find("0.25 cores by cgroup") == std::string::npos) {
    GTEST_SKIP() << limits_in_force();
  }
  EXPECT_EQ(outcome.exit_code, 0);
  // A machine under load makes it slower, never faster.
  EXPECT_GE(Clock::now() - begin, 1500ms);
}

TEST_P(SuperviseLimitsTest, Case09WhatWritesMoreThanItsDiskIsEnded) {
  spec_.disk_limit = 8 << 20;
  if (!GetParam()) spec_.sandbox.binds = {{.from = root_ / "out", .to = "/out", .writable = true}};

  const Outcome outcome = run_script("while head -c 1000000 /dev/zero >> " +
                                     (out() / "much").string() + "; do sleep 0.02; done");

  EXPECT_TRUE(outcome.out_of_disk);
  EXPECT_GT(outcome.disk_used, 8 << 20);
  EXPECT_FALSE(outcome.timed_out || outcome.stopped);
  EXPECT_THAT(log_lines(), testing::Contains(HasSubstr("more than its limit of 8 MiB")));
}

TEST_P(SuperviseLimitsTest, FilesInMemoryCountAsDisk) {
  if (!GetParam()) GTEST_SKIP() << "has no /tmp of its own";
  spec_.disk_limit = 8 << 20;

  const Outcome outcome = run_script("head -c 20000000 /dev/zero > /tmp/much; exec sleep 60");

  EXPECT_TRUE(outcome.out_of_disk);
}

TEST_P(SuperviseLimitsTest, WithinItsDiskItIsLeftAlone) {
  spec_.disk_limit = 8 << 20;
  // What somebody else keeps in the machine's memory is not the run's.
  const fs::path foreign = "/dev/shm/cupola-supervise-test-" + std::to_string(::getpid());
  std::ofstream(foreign) << std::string(16 << 20, 'x');

  const Outcome outcome =
      run_script("head -c 1000000 /dev/zero > " + (out() / "little").string() + "; sleep 1.3");

  fs::remove(foreign);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_FALSE(outcome.out_of_disk);
}

}  // namespace
}  // namespace cupola::supervisor
