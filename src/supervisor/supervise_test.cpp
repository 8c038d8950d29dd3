#include "supervisor/supervise_test.h"

#include <thread>

#include <sys/mount.h>

namespace cupola::supervisor {
namespace {

INSTANTIATE_TEST_SUITE_P(On, SuperviseTest, testing::Bool(),
                         [](const auto& name) { return name.param ? "Sandboxed" : "Bare"; });

TEST_P(SuperviseTest, ExitCodeAndBothStreamsAreKept) {
  spec_.notes = {"opening"};

  const Outcome outcome = run_script("echo out; sleep 0.1; echo err >&2; exit 7");

  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(outcome.exit_signal, std::nullopt);
  EXPECT_EQ(outcome.start_error, "");
  EXPECT_FALSE(outcome.stopped || outcome.timed_out || outcome.log_failed);
  EXPECT_EQ(outcome.log_lines, 3u);
  EXPECT_GT(outcome.peak_memory, 0);
  EXPECT_LE(outcome.started_at, outcome.ended_at);
  EXPECT_THAT(log_lines(), ElementsAre("opening", "out", "err"));
  const auto reader = logs::Reader::open(spec_.log);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->read(0, 3)[0].stream, logs::Stream::platform);
  EXPECT_EQ(reader->read(0, 3)[1].stream, logs::Stream::output);
  EXPECT_EQ(reader->read(0, 3)[2].stream, logs::Stream::error);
}

TEST_P(SuperviseTest, ProcessesAreToldWhileItRuns) {
  start_script("echo $$ > " + (out() / "pid").string() + "; sleep 60");
  await_started();

  const auto process =
      parse_supervisor_process(*read_file(supervisor_file(spec_.folder), 1u << 16));
  const auto started = parse_started(*read_file(started_file(spec_.folder), 1u << 16));

  ASSERT_TRUE(process && started);
  EXPECT_EQ(process->pid, supervisor_->pid());
  EXPECT_GT(process->start_time, 0u);
  EXPECT_TRUE(is_alive(started->pid));
  EXPECT_THAT(started->sandbox, StartsWith(spec_.support->text));
  ::kill(started->pid, SIGKILL);
  EXPECT_EQ(await_outcome().exit_signal, SIGKILL);
}

TEST_P(SuperviseTest, SignalIsToldFromExitCode) {
  EXPECT_EQ(run_script("kill -SEGV $$").exit_signal, SIGSEGV);
}

TEST_P(SuperviseTest, EnvironmentIsExactlyTheSpecsWithSecrets) {
  spec_.env["A"] = "b c\nd";
  spec_.secrets.emplace("TOKEN", Secret("hidden-value"));

  const Outcome outcome = run_script("exec env -0 > " + (out() / "env").string());

  EXPECT_EQ(outcome.exit_code, 0);
  std::string expected = "A=b c\nd";
  expected += '\0';
  expected += "PATH=/usr/bin:/bin";
  expected += '\0';
  const std::string folder = GetParam() ? "/" : fs::current_path().string();
  std::vector<std::string> found;
  std::stringstream stream(read_out("env"));
  for (std::string item; std::getline(stream, item, '\0');) found.push_back(item);
  // The shell and bwrap tell the working folder.
  EXPECT_THAT(found, testing::UnorderedElementsAre("A=b c\nd", "PATH=/usr/bin:/bin",
                                                   "TOKEN=hidden-value", "PWD=" + folder));
}

TEST_P(SuperviseTest, SecretsAreMaskedInTheLogAlsoSplitOverWrites) {
  spec_.secrets.emplace("TOKEN", Secret("hidden-value"));
  spec_.masked.emplace_back("other-hidden");

  run_script("echo a $TOKEN b; printf hidden-; sleep 0.2; printf 'value\\nother-hidden\\n'");

  EXPECT_THAT(log_lines(), ElementsAre("a **** b", "****", "****"));
}

TEST_P(SuperviseTest, Case03StopReachesTheProgramItselfWhoseExitCodeIsKept) {
  start_script("trap 'echo cleaning; exit 143' TERM; echo $$ > " + (out() / "pid").string() +
               "; while :; do sleep 0.02; done");
  await_number("pid");
  await_started();

  supervisor_->signal(SIGTERM);
  const Outcome outcome = await_outcome();

  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(outcome.exit_code, 143);
  EXPECT_EQ(outcome.exit_signal, std::nullopt);
  EXPECT_THAT(log_lines(), testing::Contains("cleaning"));
}

TEST_P(SuperviseTest, Case03SecondStopChangesNothingAndAfterTheGraceAllIsKilled) {
  spec_.grace = 300ms;
  start_script("trap '' TERM; echo $$ > " + (out() / "pid").string() +
               "; while :; do sleep 0.02; done");
  await_number("pid");
  await_started();
  const auto begin = Clock::now();

  supervisor_->signal(SIGTERM);
  supervisor_->signal(SIGTERM);
  const Outcome outcome = await_outcome();

  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(outcome.exit_signal, SIGKILL);
  EXPECT_GE(Clock::now() - begin, 290ms);
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_P(SuperviseTest, StopBeforeTheProgramIsThereStillStops) {
  spec_.command = {"/bin/sleep", "60"};
  start(to_json_text(spec_));
  ASSERT_TRUE(within(10s, [&] { return fs::exists(supervisor_file(spec_.folder)); }));
  const auto begin = Clock::now();

  supervisor_->signal(SIGTERM);
  const Outcome outcome = await_outcome();

  EXPECT_TRUE(outcome.stopped);
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_P(SuperviseTest, TimeOutStopsIt) {
  spec_.timeout = 300ms;

  const Outcome outcome = run_script("exec sleep 60");

  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(outcome.exit_signal, SIGTERM);
  EXPECT_THAT(log_lines(), ElementsAre("The run is over its time of 300 ms: it is asked to end."));
}

TEST_P(SuperviseTest, Case03GrandchildrenThatForkTwiceDieWithTheProgram) {
  const auto begin = Clock::now();

  const Outcome outcome = run_script(
      "(setsid sh -c 'grep ^NSpid /proc/self/status; exec sleep 61.5' &) ; sleep 0.2; echo done");

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_THAT(log_lines(), testing::Contains("done"));
  EXPECT_FALSE(
      is_running(std::string("sleep\0"
                             "61.5\0",
                             11)));
}

TEST_P(SuperviseTest, KillingTheSupervisorKillsTheProgram) {
  start_script("exec sleep 62");
  await_started();
  const auto started = parse_started(*read_file(started_file(spec_.folder), 1u << 16));
  ASSERT_TRUE(started && is_alive(started->pid));

  supervisor_->signal(SIGKILL);
  supervisor_->wait();
  supervisor_.reset();

  EXPECT_TRUE(within(5s, [&] { return !is_alive(started->pid); }));
  EXPECT_FALSE(fs::exists(result_file(spec_.folder)));
}

TEST_P(SuperviseTest, NoLineOfManyIsLost) {
  const Outcome outcome = run_script("seq 1 100000");

  EXPECT_EQ(outcome.log_lines, 100000u);
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 100000u);
  for (std::size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i], std::to_string(i + 1));
}

TEST_P(SuperviseTest, LinesAreVisibleWhileItRuns) {
  start_script("echo early; sleep 60");
  await_started();

  EXPECT_TRUE(within(3s, [&] { return !log_lines().empty(); }));
  EXPECT_THAT(log_lines(), ElementsAre("early"));
  supervisor_->signal(SIGTERM);
  await_outcome();
}

TEST_P(SuperviseTest, ProgramThatIsNotThereIsToldAsNeverStarted) {
  spec_.command = {"/no/such/program"};
  start(to_json_text(spec_));

  const Outcome outcome = await_outcome();

  EXPECT_EQ(outcome.exit_signal, std::nullopt);
  // Without a sandbox but with a uid it is the launcher that looks for it.
  if (GetParam() || ::geteuid() != 0) {
    EXPECT_THAT(outcome.start_error, HasSubstr("/no/such/program"));
    EXPECT_EQ(outcome.exit_code, std::nullopt);
  } else {
    EXPECT_EQ(outcome.exit_code, 127);
  }
}

TEST_P(SuperviseTest, Case04AProgramIsNotStartedAfterItsLeaseMayBeOver) {
  spec_.start_before = 1ms;

  const Outcome outcome = run_script("echo started");

  EXPECT_THAT(outcome.start_error, HasSubstr("was held up"));
  EXPECT_THAT(log_lines(), Not(testing::Contains("started")));
  EXPECT_THAT(log_lines(), testing::Contains(HasSubstr("was held up")));
}

TEST_P(SuperviseTest, SandboxThatCannotBeMadeIsTold) {
  if (!GetParam()) GTEST_SKIP() << "needs a sandbox";
  spec_.sandbox.binds.push_back({.from = "/no/such/folder", .to = "/x"});

  const Outcome outcome = run_script("true");

  EXPECT_THAT(outcome.start_error, HasSubstr("/no/such/folder"));
  EXPECT_EQ(outcome.exit_code, std::nullopt);
}

TEST_P(SuperviseTest, MalformedSpecsGetAMessageAndExitCode2) {
  start("{\"run\": \"x\", \"folder\": \"/tmp\"");

  EXPECT_EQ(supervisor_->wait().code, 2);
  supervisor_.reset();
  EXPECT_THAT(*read_file(root_ / "errors", 1u << 16),
              StartsWith("cupola-supervisor: the run's description on standard input is unusable: "
                         "This is not JSON"));
}

TEST_P(SuperviseTest, MissingFolderIsTold) {
  spec_.folder = root_ / "moved-away";
  spec_.command = {"/bin/true"};
  start(to_json_text(spec_));

  EXPECT_EQ(supervisor_->wait().code, 1);
  supervisor_.reset();
  EXPECT_THAT(*read_file(root_ / "errors", 1u << 16), HasSubstr("moved-away"));
  EXPECT_FALSE(fs::exists(spec_.folder));
}

TEST_P(SuperviseTest, AFolderThatWasMadeForTheNextStartIsLeftAlone) {
  write_file(start_file(spec_.folder), "the next one");
  spec_.start = "the one that got there late";
  spec_.command = {"/bin/sh", "-c", "echo started"};
  start(to_json_text(spec_));

  EXPECT_EQ(supervisor_->wait().code, 1);
  supervisor_.reset();
  EXPECT_THAT(*read_file(root_ / "errors", 1u << 16), HasSubstr("no longer that of this start"));
  EXPECT_FALSE(fs::exists(supervisor_file(spec_.folder)));
  EXPECT_FALSE(fs::exists(started_file(spec_.folder)));
  EXPECT_THAT(log_lines(), testing::IsEmpty());
}

TEST_P(SuperviseTest, AFolderThatWasMadeForThisStartIsTaken) {
  write_file(start_file(spec_.folder), "this one");
  spec_.start = "this one";

  EXPECT_EQ(run_script("true").exit_code, 0);
  EXPECT_TRUE(fs::exists(supervisor_file(spec_.folder)));
}

class SmallDiskTest : public SuperviseTest {
 protected:
  void SetUp() override {
    SuperviseTest::SetUp();
    if (IsSkipped()) return;
    if (::geteuid() != 0) GTEST_SKIP() << "needs a file system of its own";
    const fs::path small = root_ / "small";
    fs::create_directories(small);
    if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "cannot mount";
    spec_.log = small / "log";
    spec_.folder = small / "run";
    fs::create_directories(spec_.folder);
  }
  void TearDown() override {
    ::umount2((root_ / "small").c_str(), MNT_DETACH);
    SuperviseTest::TearDown();
  }
};

INSTANTIATE_TEST_SUITE_P(On, SmallDiskTest, testing::Bool(), [](const auto& name) {
  return std::string(name.param ? "Sandboxed" : "Bare");
});

TEST_P(SmallDiskTest, LogThatFillsTheDiskIsCutAndTheResultIsKept) {
  const Outcome outcome = run_script("seq 1 1000000; exit 5");

  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_TRUE(outcome.log_failed);
  EXPECT_GT(outcome.log_lines, 0u);
  EXPECT_THAT(log_lines(), Not(testing::IsEmpty()));
}

TEST_P(SmallDiskTest, DiskThatIsFullBeforeTheProgramIsAliveKeepsStartAndResultAllTheSame) {
  spec_.notes = {std::string(2u << 20, 'x')};

  const Outcome outcome = run_script("exit 5");

  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_TRUE(outcome.log_failed);
  EXPECT_TRUE(fs::exists(started_file(spec_.folder)));
}

TEST_P(SuperviseTest, LineOfManyMegabytesFlowsThrough) {
  const Outcome outcome = run_script("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end");

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(log_lines().back(), "end");
}

TEST_P(SuperviseTest, CheckoutIsSeenThroughAnOverlayOrACopy) {
  if (!GetParam()) GTEST_SKIP() << "needs a sandbox";
  fs::create_directories(root_ / "checkout" / "sub");
  std::ofstream(root_ / "checkout" / "sub" / "file") << "lower\n";
  spec_.sandbox.overlay = process::Overlay{.lower = root_ / "checkout",
                                           .upper = spec_.folder / "upper",
                                           .work = spec_.folder / "work",
                                           .to = "/repository"};
  spec_.sandbox.links = {{.target = "/repository/sub", .at = "/project"}};
  spec_.sandbox.folder = "/project";

  const Outcome outcome = run_script("pwd -P; echo more >> file; cat ../sub/file");

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(log_lines(), ElementsAre("/repository/sub", "lower", "more"));
  EXPECT_EQ(*read_file(root_ / "checkout" / "sub" / "file", 100), "lower\n");
  EXPECT_EQ(*read_file(spec_.folder / "upper" / "sub" / "file", 100), "lower\nmore\n");
}

/// The same tests by an ordinary user, who gets a user namespace.
TEST(SuperviseAsOrdinaryUserTest, EverythingHoldsInAUserNamespaceToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "is one already";
  const process::Program program{
      .argv = {"/usr/bin/setpriv", "--reuid", "64401", "--regid", "64401", "--clear-groups",
               "--inh-caps=-all", "--", "/proc/self/fd/99", "--gtest_filter=On/*"},
      .env = {{"PATH", "/usr/bin:/bin"}, {"ASAN_OPTIONS", "detect_leaks=0"}}};
  const Fd self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const Fd at99(::fcntl(self.get(), F_DUPFD_CLOEXEC, 99));
  ASSERT_EQ(at99.get(), 99);
  const auto reachable =
      process::run({.argv = {"/usr/bin/setpriv", "--reuid", "64401", "--regid", "64401",
                             "--clear-groups", "--", "/usr/bin/test", "-x", CUPOLA_SUPERVISOR}});
  if (!reachable || !reachable->exit.ok()) GTEST_SKIP() << "the build folder is root's alone";

  const auto output = process::run(program, {}, {}, {}, {}, {99});

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_TRUE(output->exit.ok()) << output->out << output->err;
  EXPECT_THAT(output->out, HasSubstr("[  PASSED  ]"));
}

}  // namespace
}  // namespace cupola::supervisor
