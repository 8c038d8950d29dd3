#include "process/sandbox.h"

#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temp_folder.h"
#include "process/ownership.h"

namespace cupola::process {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr unsigned run_uid = 64321;
constexpr unsigned ordinary_uid = 64400;

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Each test runs as root, and again in a process that gave root up for an ordinary user.
class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::permissions(root_, fs::perms(0755));
    fs::create_directories(root_ / "home" / "out");
    write(root_ / "home" / "key", "the key");
    write(root_ / "home" / "runs" / "other" / "state.json", "{}");
    write(root_ / "home" / "checkout" / "meltano.yml", "version: 1\n");
    write(root_ / "home" / "checkout" / "sub" / "file", "lower\n");
    fs::permissions(root_ / "home", fs::perms(0700));
    sandbox_.binds = {{.from = root_ / "home" / "out", .to = "/work/out", .writable = true}};
    if (::geteuid() == 0) {
      sandbox_.uid = run_uid;
      ASSERT_TRUE(give_to(root_ / "home" / "out", run_uid));
    }
    if (sandbox_support().kind == SandboxKind::none) GTEST_SKIP() << sandbox_support().text;
  }

  Output sh(const std::string& script, std::map<std::string, std::string> env = {}) {
    env.emplace("PATH", "/usr/bin:/bin");
    const Program inside{.argv = {"sh", "-c", script}, .env = std::move(env)};
    const auto output = run(sandboxed(inside, sandbox_, sandbox_support()));
    EXPECT_TRUE(output) << output.error().message;
    return output ? *output : Output{};
  }

  const TempFolder folder_{"cupola-sandbox"};
  const fs::path& root_ = folder_.path();
  Sandbox sandbox_;
};

TEST_F(SandboxTest, NothingOfTheHostBesidesTheSystemIsThere) {
  const Output output = sh("ls -d /* | tr '\\n' ' '; ls -A /root /home");

  EXPECT_THAT(output.out, Not(HasSubstr("/root")));
  EXPECT_THAT(output.out, Not(HasSubstr("/home")));
  EXPECT_THAT(output.out, HasSubstr("/usr"));
  EXPECT_THAT(output.out, HasSubstr("/work"));
}

TEST_F(SandboxTest, SecretsOfSystemAndServerCannotBeRead) {
  const std::string home = (root_ / "home").string();

  const Output output = sh("cat /etc/shadow /etc/gshadow /etc/ssh/* /etc/sudoers /root/.ssh/* " +
                           home + "/key " + home + "/runs/other/state.json; ls " + home);

  EXPECT_EQ(output.out, "");
  EXPECT_NE(output.exit.code, 0);
}

TEST_F(SandboxTest, OtherProcessesAreNotSeen) {
  auto neighbour = start({.argv = {"/bin/sleep", "60"}, .env = {{"NEIGHBOUR_SECRET", "x"}}}, {});
  ASSERT_TRUE(neighbour);

  const Output output =
      sh("ls /proc | grep -c '^[0-9]'; cat /proc/*/environ | tr '\\0' '\\n'", {{"MINE", "1"}});

  EXPECT_THAT(output.out, Not(HasSubstr("NEIGHBOUR_SECRET")));
  EXPECT_LE(std::stoi(output.out), 6);
}

TEST_F(SandboxTest, SystemIsReadOnly) {
  const Output output = sh(
      "for f in /usr/x /etc/hosts /etc/passwd /etc/ssl/certs/x /etc/x /x /proc/sys/kernel/hostname;"
      " do (echo x >> $f) 2>/dev/null && echo wrote $f; done; mount -o remount,rw /usr; true");

  EXPECT_EQ(output.out, "");
}

TEST_F(SandboxTest, ItHasNoCapabilitiesNorWaysToGetThem) {
  const Output output = sh("grep -E '^(Cap|NoNewPrivs)' /proc/self/status");

  EXPECT_THAT(output.out, HasSubstr("CapPrm:\t0000000000000000\nCapEff:\t0000000000000000"));
  EXPECT_THAT(output.out, HasSubstr("CapInh:\t0000000000000000"));
  EXPECT_THAT(output.out, HasSubstr("CapAmb:\t0000000000000000"));
  EXPECT_THAT(output.out, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_TRUE(!sandbox_.uid || output.out.find("CapBnd:\t0000000000000000") != std::string::npos);
}

/// Prints, for each call that is denied, its name and what the kernel said.
constexpr const char* denied_calls = R"py(
import ctypes, errno, mmap, os, platform, socket, fcntl
libc = ctypes.CDLL(None, use_errno=True)
def say(name, result):
    print(name, "went through" if result >= 0 else errno.errorcode[ctypes.get_errno()])
def call(name, number, *arguments):
    ctypes.set_errno(0)
    say(name, libc.syscall(number, *arguments))
x86 = platform.machine() == "x86_64"
call("mount", 165 if x86 else 40, b"none", b"/tmp", b"tmpfs", 0, 0)
call("unshare user", 272 if x86 else 97, 0x10000000)
call("unshare time", 272 if x86 else 97, 0x80)
call("clone user", 56 if x86 else 220, 0x10000000 | 17, 0, 0, 0, 0)
call("clone3", 435, 0, 0)
call("setns", 308 if x86 else 268, 0, 0)
call("ptrace", 101 if x86 else 117, 0, 0, 0, 0)
call("keyctl", 250 if x86 else 219, 0, -3, 0)
call("bpf", 321 if x86 else 280, 0, 0, 0)
call("perf_event_open", 298 if x86 else 241, 0, 0, 0, 0, 0)
call("userfaultfd", 323 if x86 else 282, 1)
call("io_uring_setup", 425, 1, 0)
call("open_by_handle_at", 304 if x86 else 265, 0, 0, 0)
call("personality", 135 if x86 else 92, 0x0040000)
call("open_tree_attr", 467, 0, 0, 0, 0, 0)
for family, type, protocol in ((17, 3, 0), (40, 1, 0), (38, 5, 0), (16, 3, 12), (31, 3, 1)):
    ctypes.set_errno(0)
    say(f"socket {family} {protocol}", libc.socket(family, type, protocol))
for request in (0x5412, 0x541C, 0x100005412):
    ctypes.set_errno(0)
    say(f"ioctl {request:x}", libc.syscall(16 if x86 else 29, 0, ctypes.c_ulong(request), b"x"))
if x86:
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
    answer = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    ctypes.set_errno(-answer if answer < 0 else 0)
    say("32-bit getpid", answer)
    call("x32 getpid", 0x40000000 + 39)
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    socket.socket(family).close()
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()
os.unshare(0) if hasattr(os, "unshare") else None
print("done")
)py";

// Each is refused by the filter and by nothing else where the run's rights alone would let it pass:
// a user namespace, ptrace of its own child, keys, userfaultfd, io_uring, the 32-bit interface.
TEST_F(SandboxTest, SystemCallsThatNoPipelineNeedsAreDenied) {
  const Program inside{.argv = {"/usr/bin/python3", "-c", denied_calls},
                       .env = {{"PATH", "/usr/bin:/bin"}}};
  const auto output = run(sandboxed(inside, sandbox_, sandbox_support()));

  ASSERT_TRUE(output) << output.error().message;
  if (output->err.find("python3: ") != std::string::npos) GTEST_SKIP() << "no Python";
  EXPECT_THAT(output->out, Not(HasSubstr("went through")));
  EXPECT_THAT(output->out, testing::EndsWith("done\n")) << output->err;
  for (const char* line : {"mount EPERM",
                           "unshare user EPERM",
                           "unshare time EPERM",
                           "clone user EPERM",
                           "clone3 ENOSYS",
                           "setns EPERM",
                           "ptrace EPERM",
                           "keyctl EPERM",
                           "bpf EPERM",
                           "perf_event_open EPERM",
                           "userfaultfd EPERM",
                           "io_uring_setup ENOSYS",
                           "open_by_handle_at EPERM",
                           "personality EPERM",
                           "open_tree_attr EPERM",
                           "socket 17 0 EAFNOSUPPORT",
                           "socket 40 0 EAFNOSUPPORT",
                           "socket 38 0 EAFNOSUPPORT",
                           "socket 16 12 EAFNOSUPPORT",
                           "ioctl 5412 EPERM",
                           "ioctl 541c EPERM",
                           "ioctl 100005412 EPERM"}) {
    EXPECT_THAT(output->out, HasSubstr(std::string(line) + "\n"));
  }
}

TEST_F(SandboxTest, LimitsHoldForTheProgramAndNotForTheHelpers) {
  const Program inside{.argv = {"sh", "-c", "ulimit -n; ulimit -c"},
                       .env = {{"PATH", "/usr/bin:/bin"}},
                       .limits = {{RLIMIT_NOFILE, 6}, {RLIMIT_CORE, 0}}};

  const auto output = run(sandboxed(inside, sandbox_, sandbox_support()));

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->out, "6\n0\n") << output->err;
}

TEST_F(SandboxTest, ReportTellsTheMomentOfTheStartOrWhyThereIsNone) {
  const auto report_of = [&](std::vector<std::string> argv) {
    const Fd report(::memfd_create("report", MFD_CLOEXEC));
    const Program inside{.argv = std::move(argv), .env = {{"PATH", "/bin"}}};
    const auto program = sandboxed(inside, sandbox_, sandbox_support(), {.launch = report.get()});
    auto child = start(program.program, {.also = program.also({report.get()})});
    EXPECT_TRUE(child);
    child->wait();
    return read("/proc/self/fd/" + std::to_string(report.get()));
  };

  EXPECT_EQ(report_of({"true"}), ".");
  EXPECT_EQ(report_of({"/bin/nothing"}), ".Cannot start '/bin/nothing': No such file or directory");
}

TEST_F(SandboxTest, ItRunsAsItsUserWhoHasAName) {
  const unsigned uid = sandbox_.uid.value_or(::geteuid());

  const Output output = sh("id -u; id -g; id -G; id -un; echo ~; hostname", {{"HOME", "/work"}});

  const std::string text = std::to_string(uid);
  EXPECT_THAT(output.out, testing::StartsWith(text + "\n" + text + "\n" + text + "\n"));
  EXPECT_THAT(output.out, HasSubstr("\nrun\n/work\ncupola\n"));
}

TEST_F(SandboxTest, WritableBindsTemporaryAndSharedMemoryCanBeWritten) {
  const Output output =
      sh("echo a > /work/out/a && echo b > /tmp/b && echo c > /dev/shm/c && echo d > /var/tmp/d && "
         "ls /tmp");

  EXPECT_TRUE(output.exit.ok()) << output.err;
  EXPECT_EQ(output.out, "b\nd\n");
  EXPECT_EQ(read(root_ / "home" / "out" / "a"), "a\n");
}

TEST_F(SandboxTest, AFolderCanTakeThePlaceOfTheTemporaryFileSystem) {
  sandbox_.binds.push_back({.from = root_ / "home" / "out", .to = "/tmp", .writable = true});

  const Output output = sh("echo a > /tmp/a");

  EXPECT_TRUE(output.exit.ok()) << output.err;
  EXPECT_EQ(read(root_ / "home" / "out" / "a"), "a\n");
}

TEST_F(SandboxTest, ReadOnlyBindsCannotBeWritten) {
  sandbox_.binds[0].writable = false;

  const Output output = sh("echo a > /work/out/a");

  EXPECT_FALSE(output.exit.ok());
  EXPECT_FALSE(fs::exists(root_ / "home" / "out" / "a"));
}

TEST_F(SandboxTest, EnvironmentIsExactlyWhatIsGiven) {
  const Program inside{.argv = {"/usr/bin/env"}, .env = {{"A", "b c"}, {"LANG", "C"}}};

  const auto output = run(sandboxed(inside, sandbox_, sandbox_support()));

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "A=b c\nLANG=C\nPWD=/\n");
}

// A library that the loader puts into bwrap or the launcher would run with the server's rights.
TEST_F(SandboxTest, LoaderVariablesReachTheProgramButNotTheHelpers) {
  write(root_ / "evil.c",
        "#include <unistd.h>\n#include <stdio.h>\n"
        "__attribute__((constructor)) static void f(void) {\n"
        "  FILE *n = fopen(\"/proc/self/comm\", \"r\"); char b[32] = {0};\n"
        "  fgets(b, 31, n); dprintf(1, \"in %s\", b); }\n");
  const auto built = run({.argv = {"gcc", "-shared", "-fPIC", "-o", "evil.so", "evil.c"},
                          .env = {{"PATH", "/usr/bin:/bin"}},
                          .folder = root_});
  if (!built || !built->exit.ok()) GTEST_SKIP() << "no C compiler";
  const std::string path = (root_ / "evil.so").string();
  sandbox_.binds.push_back({.from = path, .to = path});

  const Program inside{.argv = {"/bin/echo", "done"}, .env = {{"LD_PRELOAD", path}}};
  const auto output = run(sandboxed(inside, sandbox_, sandbox_support()));

  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "in echo\ndone\n");
}

TEST_F(SandboxTest, NetworkIsThereUnlessItIsCut) {
  const Output shared = sh("ls /sys/class/net /proc/self/net/dev >/dev/null; cat /proc/net/dev");
  sandbox_.network = false;
  const Output cut = sh("cat /proc/net/dev");

  EXPECT_EQ(std::count(cut.out.begin(), cut.out.end(), '\n'), 3) << cut.out;
  EXPECT_GE(std::count(shared.out.begin(), shared.out.end(), '\n'), 3);
  const Program link{.argv = {"readlink", "/proc/self/ns/net"}, .env = {{"PATH", "/bin"}}};
  sandbox_.network = true;
  EXPECT_EQ(run(sandboxed(link, sandbox_, sandbox_support()))->out, run(link)->out);
}

TEST_F(SandboxTest, StatusTellsTheNamespaceAndWhetherTheProgramStarted) {
  const Fd status(::memfd_create("status", MFD_CLOEXEC));
  const Program inside{.argv = {"sh", "-c", "exit 5"}, .env = {{"PATH", "/bin"}}};
  const auto program = sandboxed(inside, sandbox_, sandbox_support(), {.status = status.get()});

  auto child = start(program.program, {.also = program.also({status.get()})});

  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait().code, 5);
  const std::string text = read("/proc/self/fd/" + std::to_string(status.get()));
  EXPECT_THAT(text, HasSubstr("\"child-pid\": "));
  EXPECT_THAT(text, HasSubstr("{ \"exit-code\": 5 }"));
}

TEST_F(SandboxTest, DescriptionSurvivesJson) {
  sandbox_.overlay = Overlay{.lower = "/a", .upper = "/b", .work = "/c", .to = "/repository"};
  sandbox_.folder = "/repository";
  sandbox_.network = false;

  const auto again = parse_sandbox(to_json(sandbox_));

  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), to_json(sandbox_));
  EXPECT_EQ(to_json(*parse_support(to_json(sandbox_support()))), to_json(sandbox_support()));
}

TEST_F(SandboxTest, FaultyDescriptionsAreRefused) {
  EXPECT_FALSE(parse_sandbox({{"uid", 0}}));
  EXPECT_FALSE(parse_sandbox({{"uid", "1"}}));
  EXPECT_FALSE(parse_sandbox({{"binds", {{{"from", "relative"}, {"to", "/x"}}}}}));
  EXPECT_FALSE(parse_sandbox({{"overlay", {{"lower", "/x"}}}}));
  EXPECT_FALSE(parse_support({{"kind", "magic"}}));
}

TEST(HostPathTest, PathsInsideAreFoundOnTheHost) {
  Sandbox sandbox;
  sandbox.overlay = Overlay{.lower = "/r/checkout", .upper = "/run/up", .to = "/repository"};
  sandbox.binds = {{.from = "/r/checkout/sub", .to = "/project"},
                   {.from = "/envs", .to = "/environments"},
                   {.from = "/run/out", .to = "/project/output"}};

  EXPECT_EQ(host_path(sandbox, "/project"), "/run/up/sub");
  EXPECT_EQ(host_path(sandbox, "/project/x"), "/run/up/sub/x");
  EXPECT_EQ(host_path(sandbox, "/project/output/y"), "/run/out/y");
  EXPECT_EQ(host_path(sandbox, "/repository"), "/run/up");
  EXPECT_EQ(host_path(sandbox, "/environments/a/bin/x"), "/envs/a/bin/x");
  EXPECT_EQ(host_path(sandbox, "/usr/bin/env"), "/usr/bin/env");
}

/// enter_mounts changes the process for good, so each of these runs in one of its own.
class MountsTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
#ifdef __SANITIZE_THREAD__
    if (::geteuid() != 0) GTEST_SKIP() << "its own thread forbids to enter a user namespace";
#endif
    sandbox_.overlay = Overlay{.lower = root_ / "home" / "checkout",
                               .upper = root_ / "home" / "run" / "upper",
                               .work = root_ / "home" / "run" / "work",
                               .to = "/repository"};
    sandbox_.binds.push_back(
        {.from = root_ / "home" / "checkout" / "sub", .to = "/project", .writable = true});
    sandbox_.folder = "/repository";
    sandbox_.links = {{.target = "/repository/sub", .at = "/linked"}};
    write(root_ / "home" / "run" / "upper" / "sub" / "laid", "before\n");
    if (sandbox_.uid) {
      ASSERT_TRUE(give_to(root_ / "home" / "run", run_uid));
    }
    script_ =
        "set -e; cat /linked/laid; echo more >> sub/laid; cat sub/file; echo changed >> sub/file; "
        "touch new sub/other; mkdir deep;"
        "echo x > deep/x; chmod 600 meltano.yml; touch -d 2001-01-01 meltano.yml;"
        "cat /project/file; ls /project";
  }

  void enter_and_check(const Support& support, std::string_view done) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto entered = enter_mounts(sandbox_, support);
      if (!entered) {
        ADD_FAILURE() << entered.error().message;
        ::_exit(1);
      }
      EXPECT_THAT(*entered, testing::StartsWith(std::string(done)));
      const Output output = sh(script_);
      EXPECT_TRUE(output.exit.ok()) << output.err;
      EXPECT_EQ(output.out, "before\nlower\nlower\nchanged\nfile\nlaid\nother\n");
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(read(root_ / "home" / "checkout" / "sub" / "file"), "lower\n");
    EXPECT_FALSE(fs::exists(root_ / "home" / "checkout" / "new"));
    EXPECT_EQ(read(root_ / "home" / "run" / "upper" / "sub" / "file"), "lower\nchanged\n");
  }

  std::string script_;
};

TEST_F(MountsTest, RunWritesToItsOwnViewOfTheCheckoutOnly) {
  if (!sandbox_support().overlay) GTEST_SKIP() << sandbox_support().text;

  enter_and_check(sandbox_support(), "overlay");
}

TEST_F(MountsTest, WithoutAnOverlayACopyTakesItsPlace) {
  Support support = sandbox_support();
  support.overlay = false;
  fs::last_write_time(root_ / "home" / "checkout" / "sub" / "file",
                      fs::file_time_type::clock::now() - std::chrono::hours(1000));

  enter_and_check(support, "copy: no overlay");
}

TEST_F(MountsTest, SharedFoldersSeemToBeOnesOwnWithoutChangingHands) {
  if (::geteuid() != 0) GTEST_SKIP() << "an ordinary user has one uid only";
  fs::create_directories(root_ / "home" / "kept");
  write(root_ / "home" / "kept" / "old", "old");
  sandbox_.overlay.reset();
  sandbox_.links.clear();
  sandbox_.binds = {
      {.from = root_ / "home" / "kept", .to = "/kept", .writable = true, .as_own = true}};
  sandbox_.folder = "/kept";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool entered = enter_mounts(sandbox_, sandbox_support()).has_value();
    const Output output = sh("echo more >> old && touch new && stat -c %u old new /kept");
    const std::string uid = std::to_string(run_uid) + "\n";
    ::_exit(entered && output.exit.ok() && output.out == uid + uid + uid ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);

  EXPECT_EQ(status, 0);
  struct ::stat made {};
  ASSERT_EQ(::stat((root_ / "home" / "kept" / "new").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, 0u);
}

TEST_F(MountsTest, CopyKeepsTimesModesAndLinks) {
  const fs::path checkout = root_ / "home" / "checkout";
  const auto then = fs::file_time_type::clock::now() - std::chrono::hours(1000);
  fs::permissions(checkout / "meltano.yml", fs::perms(0751));
  fs::create_symlink("sub/file", checkout / "link");
  fs::last_write_time(checkout / "sub" / "file", then);

  ASSERT_TRUE(enter_mounts(sandbox_, Support{.text = "none"}));

  const fs::path upper = root_ / "home" / "run" / "upper";
  EXPECT_EQ(fs::last_write_time(upper / "sub" / "file"),
            fs::last_write_time(checkout / "sub" / "file"));
  EXPECT_EQ(fs::status(upper / "meltano.yml").permissions(), fs::perms(0751));
  EXPECT_EQ(fs::read_symlink(upper / "link"), "sub/file");
}

TEST(OwnershipTest, LinksAreGivenThemselvesAndNotFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempFolder folder("cupola-owner");
  const fs::path& root = folder.path();
  write(root / "outside", "x");
  write(root / "tree" / "deep" / "file", "x");
  fs::create_symlink(root / "outside", root / "tree" / "link");

  ASSERT_TRUE(give_to(root / "tree", run_uid));

  struct ::stat status {};
  for (const char* path : {"tree", "tree/deep", "tree/deep/file", "tree/link"}) {
    ASSERT_EQ(::lstat((root / path).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, run_uid) << path;
    EXPECT_EQ(status.st_gid, run_uid) << path;
  }
  ASSERT_EQ(::stat((root / "outside").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u);
  EXPECT_EQ(give_to(root / "nothing", run_uid).error().kind, Error::Kind::not_found);
}

/// The same tests by an ordinary user, who gets a user namespace.
TEST(SandboxAsOrdinaryUserTest, EverythingHoldsInAUserNamespaceToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "is one already";
  Program program{.argv = {"/usr/bin/setpriv", "--reuid", std::to_string(ordinary_uid), "--regid",
                           std::to_string(ordinary_uid), "--clear-groups", "--inh-caps=-all", "--",
                           "/proc/self/fd/99", "--gtest_filter=SandboxTest.*:MountsTest.*"},
                  .env = {{"PATH", "/usr/bin:/bin"}, {"ASAN_OPTIONS", "detect_leaks=0"}}};
  const Fd self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const Fd at99(::fcntl(self.get(), F_DUPFD_CLOEXEC, 99));
  ASSERT_EQ(at99.get(), 99);

  const auto output = run(program, {}, {}, {}, {}, {99});

  ASSERT_TRUE(output) << output.error().message;
  if (output->out.find("no isolation") != std::string::npos) GTEST_SKIP() << output->out;
  EXPECT_TRUE(output->exit.ok()) << output->out << output->err;
  EXPECT_THAT(output->out, HasSubstr("[  PASSED  ]"));
}

}  // namespace
}  // namespace cupola::process
