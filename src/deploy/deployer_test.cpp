#include "deploy/deployer.h"

#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "deploy/build_box.h"
#include "deploy/clean_up.h"
#include "deploy/environments.h"
#include "deploy/meltano_version.h"
#include "process/program.h"
#include "store/secrets.h"
#include "testing/fake_clock.h"
#include "testing/tenant.h"

namespace cupola::deploy {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

/// Wheels made on the spot, so that no test needs a package index.
constexpr std::string_view make_wheel = R"(
import sys, zipfile
folder, name, version, extra = sys.argv[1:5]
module = name.replace("-", "_")
info = f"{module}-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/{module}-{version}-py3-none-any.whl", "w") as z:
    if extra != "builds":
        z.writestr(f"{module}.py", f"def main():\n    print('{name} {version}')\n")
    else:
        z.writestr(f"{module}.py", """import os, sys
def main():
    print('it says', os.environ.get('WORD'), os.environ.get('REGION'), os.environ.get('GIT_SSH_PRIVATE_KEY'), os.path.exists(os.environ['MELTANO_SYS_DIR_ROOT'] + '/utilities/maker/venv/bin/tap-x'))
    open('built.txt', 'a').write('x')
    os.mkfifo('pipe')
    sys.exit(3 if sys.argv[-1] == 'maker:fail' else 0)
""")
    if extra == "pth":
        z.writestr("evil.pth", "import sys; open(sys.prefix + '/ran', 'w').write('x')\n")
    z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {module}:main\n")
    z.writestr(f"{info}/RECORD", "")
)";

/// A build backend that needs nothing installed, for packages in repositories.
constexpr std::string_view backend = R"(
import zipfile
def _wheel(folder, files):
    name = "tap_local-0.1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as z:
        for path, text in files.items(): z.writestr(path, text)
        z.writestr("tap_local-0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tap-local\nVersion: 0.1\n")
        z.writestr("tap_local-0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("tap_local-0.1.dist-info/RECORD", "")
    return name
def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {"tap_local.py": open("tap_local.py").read()})
def build_editable(folder, config_settings=None, metadata_directory=None):
    import os
    return _wheel(folder, {"tap_local.pth": os.getcwd() + "\n"})
)";

constexpr std::string_view package = R"([project]
name = "tap-local"
version = "0.1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
)";

class DeployerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_uv("")) GTEST_SKIP() << "uv is not on the PATH";
    std::string pattern = (fs::temp_directory_path() / "cupola-deploy-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    for (const char* name : {"source", "wheels", "home"}) fs::create_directories(root / name);
    ::setenv("UV_FIND_LINKS", (root / "wheels").c_str(), 1);
    ::setenv("UV_OFFLINE", "1", 1);
    add_wheel("meltano", pinned_meltano);
    add_wheel("tap-x", "1.0");
    database = db::Database::open({.url = "sqlite:" + (root / "test.db").string()});
    vault.emplace(store::Vault::open(root / "key", *database));
    git({"init", "--quiet", "--initial-branch=main"}, root / "source");
    tenant = add_tenant("acme");
  }
  void TearDown() override {
    ::unsetenv("UV_FIND_LINKS");
    ::unsetenv("UV_OFFLINE");
    if (!root.empty()) remove_tree(root);
  }

  std::string run(std::vector<std::string> argv, const fs::path& folder) {
    process::Program program{
        .argv = std::move(argv),
        .env = {{"PATH", "/usr/bin:/bin"}, {"HOME", root.string()}, {"GIT_CONFIG_NOSYSTEM", "1"}},
        .folder = folder};
    const auto output = process::run(program);
    EXPECT_TRUE(output && output->exit.ok()) << (output ? output->err : output.error().message);
    return output ? std::string(trim(output->out)) : "";
  }
  std::string git(std::vector<std::string> args, const fs::path& folder) {
    std::vector<std::string> argv = {"git", "-c", "user.name=T", "-c", "user.email=t@example.com"};
    argv.insert(argv.end(), args.begin(), args.end());
    return run(argv, folder);
  }
  void add_wheel(const std::string& name, const std::string& version, const char* extra = "") {
    run({"/usr/bin/python3", "-c", std::string(make_wheel), (root / "wheels").string(), name,
         version, extra},
        root);
  }
  void put(const fs::path& path, std::string_view text) {
    const fs::path whole = root / "source" / path;
    fs::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }
  void put_package(const fs::path& folder, std::string_view code) {
    put(folder / "pyproject.toml", package);
    put(folder / "backend.py", backend);
    put(folder / "tap_local.py", code);
  }
  /// A project with one tap and these schedules, committed.
  std::string commit_project(std::string_view pip_url,
                             std::string_view schedules =
                                 "[{name: nightly, interval: '@daily', "
                                 "job: load}]",
                             std::string_view more = "") {
    put("meltano.yml", fmt::format(R"(version: 1
environments: [{{name: dev}}, {{name: prod}}]
plugins:
  extractors:
  - {{name: tap-x, namespace: tap_x, pip_url: "{}", executable: tap-x}}
  loaders:
  - {{name: target-x, namespace: target_x}}
jobs: [{{name: load, tasks: [tap-x target-x]}}]
schedules: {}
{})",
                                   pip_url, schedules, more));
    return commit();
  }
  std::string commit() {
    git({"add", "--all"}, root / "source");
    git({"commit", "--quiet", "--allow-empty", "-m", "change"}, root / "source");
    return git({"rev-parse", "HEAD"}, root / "source");
  }

  testing::Tenant add_tenant(const std::string& name) {
    testing::Tenant made =
        database->write([&](db::Session& db) { return testing::add_tenant(db, name, noon); });
    // The fixture's names mean nothing to git and meltano.
    return database->write([&](db::Session& db) {
      const auto project = store::create_project(db, made.organization.key, name + " data",
                                                 (root / "source").string(), ".", noon);
      made.project = *project;
      made.deployment = *store::create_deployment(db, made.organization.key, project->key, "live",
                                                  "prod", "main", noon);
      return made;
    });
  }
  std::unique_ptr<Deployer> deployer() {
    return std::make_unique<Deployer>(
        Dependencies{.database = *database, .vault = *vault, .clock = clock, .home = home()},
        Options{.worker = "here",
                .allow_local_repositories = true,
                .sandbox = sandbox,
                .shortest_interval = shortest_interval});
  }
  Home home() const { return Home(root / "home"); }

  /// Queues a release and works until it has ended.
  store::Release deploy(const testing::Tenant& of, const store::ReleaseWish& wish) {
    const auto before = now(of);
    const auto queued = database->write(
        [&](db::Session& db) { return store::queue_release(db, before, wish, clock.now()); });
    EXPECT_EQ(deployer()->step(), std::optional(0ms));
    return find(queued.key);
  }
  /// Also when nothing changed.
  store::Release deploy(const testing::Tenant& of, bool refresh = false) {
    return deploy(of, {.refresh_plugins = refresh, .forced = true});
  }
  store::Release deploy(bool refresh = false) { return deploy(tenant, refresh); }
  /// As an update does that nobody forces.
  store::Release update() { return deploy(tenant, store::ReleaseWish{}); }
  store::Release find(const ReleaseKey& key) {
    return *database->read([&](db::Session& db) { return store::find_release(db, key); });
  }
  store::Deployment now(const testing::Tenant& of) {
    return *database->read(
        [&](db::Session& db) { return store::find_deployment(db, of.deployment.key); });
  }
  std::vector<store::Schedule> schedules() {
    return database->read(
        [&](db::Session& db) { return store::list_all_schedules(db, tenant.deployment.key); });
  }
  static store::ReleaseContent content(const store::Release& release) {
    return store::parse_release_content(release.content.value());
  }
  static std::string tap_key(const store::Release& release) {
    return release.content ? content(release).environments.at(0).key
                           : "no environment: " + release.error.value_or("?");
  }
  fs::path environment(const store::Release& release) {
    return home().environments() / tap_key(release);
  }
  std::string log(const store::Release& release) {
    return read_file(home().deploy_log(release.key), 1 << 20).value_or("");
  }
  static bool is_live(const store::Release& release) {
    return release.status == store::ReleaseStatus::live;
  }

  bool sandbox = true;
  std::chrono::milliseconds shortest_interval{0};
  fs::path root;
  std::unique_ptr<db::Database> database;
  std::optional<store::Vault> vault;
  testing::FakeClock clock{noon};
  testing::Tenant tenant;
};

TEST_F(DeployerTest, ACommitBecomesALiveRelease) {
  const std::string commit = commit_project("tap-x");

  const auto release = deploy();

  ASSERT_TRUE(is_live(release)) << release.error.value_or("") << log(release);
  EXPECT_EQ(release.commit, commit);
  EXPECT_EQ(now(tenant).release, release.key);
  const auto said = content(release);
  EXPECT_EQ(said.environment, "prod");
  EXPECT_EQ(said.meltano_version, pinned_meltano);
  ASSERT_EQ(said.schedules.size(), 1u);
  EXPECT_EQ(said.schedules[0].command, (std::vector<std::string>{"run", "load"}));
  EXPECT_EQ(said.schedules[0].settings.state_ids,
            (std::vector<std::string>{"prod:tap-x-to-target-x"}));
  EXPECT_EQ(said.persist, (std::vector<std::string>{"output"}));
  ASSERT_EQ(schedules().size(), 1u);
  EXPECT_FALSE(schedules()[0].enabled);
  EXPECT_LE(std::abs(schedules()[0].offset.count()), 7);
  EXPECT_TRUE(fs::exists(home().checkout(release.key) / "meltano.yml"));
  EXPECT_THAT(log(release), HasSubstr("plugin tap-x: build"));
  EXPECT_THAT(log(release), HasSubstr("live: 1 schedules"));
}

TEST_F(DeployerTest, AnEnvironmentIsCompiledSealedAndMadeForItsPlace) {
  commit_project("tap-x");

  const auto release = deploy();

  ASSERT_TRUE(is_live(release)) << log(release);
  const fs::path folder = environment(release);
  const std::string script = read_file(folder / "bin/tap-x", 4096).value_or("");
  EXPECT_THAT(script, HasSubstr(tap_key(release) + "/bin/python"));
  bool compiled = false;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "lib")) {
    compiled |= entry.path().filename().string().starts_with("tap_x.cpython-");
    struct ::stat info {};
    ASSERT_EQ(::lstat(entry.path().c_str(), &info), 0);
    EXPECT_TRUE(entry.is_symlink() || (info.st_mode & 0222u) == 0) << entry.path();
  }
  EXPECT_TRUE(compiled);
  EXPECT_THAT(read_file(folder / ".meltano_plugin_fingerprint", 100).value_or("").size(), 64u);
}

TEST_F(DeployerTest, AnEnvironmentRunsAtItsConstantPath) {
  if (!is_isolated({})) GTEST_SKIP() << "there is no sandbox";
  commit_project("tap-x");
  const auto release = deploy();
  ASSERT_TRUE(is_live(release)) << log(release);
  const fs::path inside = fs::path(environments_inside) / tap_key(release);

  process::Sandbox box{.uid = ::geteuid() == 0 ? std::optional(60598u) : std::nullopt,
                       .binds = {{.from = environment(release), .to = inside}}};
  const auto said = process::run(process::sandboxed({.argv = {(inside / "bin/tap-x").string()}},
                                                    box, process::sandbox_support()));

  ASSERT_TRUE(said && said->exit.ok()) << said->err;
  EXPECT_EQ(said->out, "tap-x 1.0\n");
}

TEST_F(DeployerTest, WithoutASandboxAnEnvironmentIsMadeForItsRealPath) {
  sandbox = false;
  put_package("plugins/local", "x = 1\n");
  commit_project("tap-x ./plugins/local");

  const auto release = deploy();

  ASSERT_TRUE(is_live(release)) << log(release);
  EXPECT_EQ(run({(environment(release) / "bin/tap-x").string()}, root), "tap-x 1.0");
  EXPECT_THAT(log(release), HasSubstr("without a sandbox"));
}

TEST_F(DeployerTest, WhatIsThereIsUsedAgain) {
  commit_project("tap-x");
  const auto first = deploy();
  ASSERT_TRUE(is_live(first)) << log(first);
  struct ::stat before {};
  ::stat(environment(first).c_str(), &before);
  const auto nightly = schedules()[0].key;
  database->write([&](db::Session& db) { store::set_enabled(db, nightly, true, clock.now()); });
  const auto offset = schedules()[0].offset;

  // A newer version is there, but nobody asked for it; and another deployment has the same pins.
  add_wheel("tap-x", "2.0");
  put("README", "changed");
  commit();
  const auto start = std::chrono::steady_clock::now();
  const auto second = deploy();
  const auto spent = std::chrono::steady_clock::now() - start;
  const auto other = database->write([&](db::Session& db) {
    auto made = tenant;
    made.deployment = *store::create_deployment(db, tenant.organization.key, tenant.project.key,
                                                "staging", "dev", "main", noon);
    return made;
  });

  ASSERT_TRUE(is_live(second)) << log(second);
  struct ::stat after {};
  ::stat(environment(second).c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_LT(spent, 4s);  // about 0.3 s when the machine is idle; sanitizers are on
  EXPECT_TRUE(schedules()[0].enabled);
  EXPECT_EQ(schedules()[0].offset, offset);
  EXPECT_THAT(log(second), HasSubstr("plugin tap-x: reuse"));
  EXPECT_EQ(find(first.key).status, store::ReleaseStatus::retired);

  fs::remove(root / "wheels/tap_x-2.0-py3-none-any.whl");
  EXPECT_EQ(tap_key(deploy(other)), tap_key(second));
}

TEST_F(DeployerTest, RefreshMovesTheLockAndThePlanSaysSo) {
  commit_project("tap-x");
  const auto first = deploy();
  ASSERT_TRUE(is_live(first)) << log(first);
  add_wheel("tap-x", "2.0");

  const auto dry = deployer()->plan(now(tenant), true);
  const auto second = deploy(true);

  ASSERT_TRUE(dry) << dry.error().message;
  ASSERT_TRUE(is_live(second)) << log(second);
  EXPECT_NE(tap_key(first), tap_key(second));
  for (const std::string& plan : {json::serialize(to_json(*dry)), second.plan.value()}) {
    EXPECT_THAT(plan, HasSubstr(R"("change":"change","from":"tap-x==1.0","to":"tap-x==2.0")"));
  }
}

TEST_F(DeployerTest, RetriesAreTheSchedulesOwnOrElseTheProjects) {
  commit_project("tap-x",
                 "[{name: own, interval: '@daily', job: load, annotations: {cupola: {retries: 3}}},"
                 " {name: plain, interval: '@daily', job: load}]",
                 "annotations: {cupola: {retries: 1, retry_wait: 2m}}");
  const auto release = deploy();
  ASSERT_TRUE(is_live(release)) << log(release);

  const auto found = schedules();

  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].retries, 3);
  EXPECT_EQ(found[0].retry_wait, 2min);
  EXPECT_EQ(found[1].retries, 1);
}

TEST_F(DeployerTest, NoAnnotationSwitchesAScheduleOn) {
  commit_project(
      "tap-x",
      "[{name: s, interval: '@daily', job: load, annotations: {cupola: {enabled: true, "
      "offset: 0, pause_after: 3, backfill: {start: FROM, end: TO, state_id_suffix: b}}}}]",
      "annotations: {cupola: {enabled: true}}");

  const auto release = deploy();

  ASSERT_TRUE(is_live(release)) << log(release);
  const auto found = schedules();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].enabled);
  EXPECT_EQ(found[0].offset, 0min);
  EXPECT_EQ(found[0].pause_after, 3);
  EXPECT_THAT(log(release), HasSubstr("annotation cupola: 'enabled' does nothing"));
  EXPECT_THAT(log(release), HasSubstr("cupola schedule enable"));
  const auto content = store::parse_release_content(release.content.value());
  EXPECT_EQ(content.schedules.at(0).backfill.value().state_id_suffix, "b");
}

TEST_F(DeployerTest, AFailedDeployLeavesTheLiveReleaseAsItWas) {
  commit_project("tap-x");
  const auto first = deploy();
  ASSERT_TRUE(is_live(first)) << log(first);

  struct Case {
    const char* schedules;
    const char* more;
    const char* reason;
  };
  const Case cases[] = {
      {"[{name: s, interval: '0 0 * * * *', job: load}]", "", "meltano.yml:9:"},
      {"[{name: s, interval: '@daily', job: none}]", "", "'none'"},
      {"[]", "env: {MELTANO_STATE_BACKEND_URI: file:///x}", "MELTANO_STATE_BACKEND_URI"},
      {"[]", "annotations: {cupola: {persist: [../x]}}", "persist"},
      {"[{name: s, interval: '@daily', job: load, annotations: {cupola: {timezone: Mars/X}}}]", "",
       "Mars/X"},
      {"[{name: s, interval: '@daily', job: load, annotations: {cupola: {retries: 11}}}]", "",
       "retries is '11'"},
      {"[{name: s, interval: '@daily', job: load, annotations: {cupola: {retries: some}}}]", "",
       "retries is"},
      {"[{name: s, interval: '@daily', job: load}]", "annotations: {cupola: {retry_wait: 61m}}",
       "retry_wait is"},
      {"[]", "annotations: {cupola: {watch: [../../x]}}", "watch"},
      {"[]", "annotations: {cupola: {watch: [/etc]}}", "watch"},
      {"[]", "annotations: {cupola: {artifacts: [../x]}}", "artifacts"},
      {"[]", "annotations: {cupola: {artifacts: {a: b}}}", "artifacts"},
      {"[]", "annotations: {cupola: {build: ['a b']}}", "build"},
      {"[]", "annotations: {cupola: {build: [none]}}", "'none'"},
      {"[]", "annotations: {cupola: {build: [load]}}", "which moves data"},
      {"[{name: s, interval: '@daily', job: load}]", "annotations: {cupola: {pause_after: -1}}",
       "pause_after is '-1'"},
      {"[{name: s, interval: '*/15 * * * *', job: load, annotations: {cupola: {offset: 15}}}]", "",
       "An offset of 15 min is not shorter"},
      {"[{name: s, interval: '@daily', job: load, annotations: {cupola: {offset: soon}}}]", "",
       "offset is 'soon'"},
      {"[{name: s, interval: '@daily', job: load, annotations: {cupola: {backfill: {start: A}}}}]",
       "", "backfill: end is ''"},
      {"[]", "jobs: [", "meltano.yml"},
  };
  for (const Case& one : cases) {
    commit_project("tap-x", one.schedules, one.more);
    const auto release = deploy();
    EXPECT_EQ(release.status, store::ReleaseStatus::failed) << one.reason;
    EXPECT_THAT(release.error.value_or(""), HasSubstr(one.reason));
    EXPECT_THAT(log(release), HasSubstr("failed: "));
    EXPECT_THAT(log(release), Not(HasSubstr("There is no environment"))) << one.reason;
    EXPECT_EQ(now(tenant).release, first.key);
    EXPECT_TRUE(schedules()[0].present);
  }

  put("meltano.yml",
      "version: 1\nenvironments: [{name: dev}]\nplugins: {extractors: [{name: "
      "tap-csv, variant: meltanolabs}]}\n");
  commit();
  const auto release = deploy();
  EXPECT_THAT(log(release), HasSubstr("There is no environment 'prod'. (Add it under "
                                      "`environments:`, or deploy one of dev."));
  EXPECT_THAT(log(release), HasSubstr("fault: meltano.yml:3:"));
  EXPECT_THAT(log(release), HasSubstr("meltano lock"));
  EXPECT_EQ(now(tenant).release, first.key);
}

TEST_F(DeployerTest, ASchedulesFiresMayComeNoCloserThanTheOperatorAllows) {
  shortest_interval = 15min;
  commit_project("tap-x", "[{name: s, interval: '*/15 * * * *', job: load}]");
  const auto first = deploy();
  ASSERT_TRUE(is_live(first)) << log(first);

  commit_project("tap-x", "[{name: s, interval: '0,14 6 * * *', job: load}]");
  const auto release = deploy();

  EXPECT_EQ(release.status, store::ReleaseStatus::failed);
  EXPECT_THAT(release.error.value_or(""),
              HasSubstr("meltano.yml:9:33: The schedule 's': it would run 14 min 0 s after it "
                        "ran before, and this server lets 15 min 0 s pass."));
  EXPECT_EQ(now(tenant).release, first.key);
}

TEST_F(DeployerTest, WhatCannotBeInstalledIsNamedInTheResolversWords) {
  commit_project("tap-x==99");
  const auto release = deploy();
  EXPECT_EQ(release.status, store::ReleaseStatus::failed);
  EXPECT_THAT(release.error.value_or(""), HasSubstr("The plugin tap-x (extractors) cannot be "
                                                    "installed"));
  EXPECT_THAT(release.error.value_or(""), HasSubstr("tap-x==99"));

  commit_project("tap-x $NOTHING");
  EXPECT_THAT(deploy().error.value_or(""), HasSubstr("NOTHING"));

  commit_project("tap-x", "[]", "requires_meltano: '<3.5'");
  EXPECT_THAT(deploy().error.value_or(""), HasSubstr(oldest_meltano));

  add_wheel("meltano", "3.4.2");
  const auto old = deploy();
  EXPECT_THAT(old.error.value_or(""), HasSubstr("gives meltano"));

  commit_project("tap-x", "[]", "python: python3.99");
  EXPECT_THAT(deploy().error.value_or(""),
              HasSubstr("The plugin tap-x (extractors): There is no Python 'python3.99'"));

  commit_project("./none");
  EXPECT_THAT(deploy().error.value_or(""), HasSubstr("There is no 'none' in the repository"));
}

TEST_F(DeployerTest, AGitDependencyIsHeldAtItsCommit) {
  const fs::path plugin = root / "plugin";
  fs::create_directories(plugin);
  git({"init", "--quiet", "--initial-branch=main"}, plugin);
  const auto write = [&](std::string_view code) {
    std::ofstream(plugin / "pyproject.toml") << package;
    std::ofstream(plugin / "backend.py") << backend;
    std::ofstream(plugin / "tap_local.py") << code;
    git({"add", "--all"}, plugin);
    git({"commit", "--quiet", "-m", "plugin"}, plugin);
    return git({"rev-parse", "HEAD"}, plugin);
  };
  const std::string old = write("x = 1\n");
  commit_project("git+file://" + plugin.string() + "@main");

  const auto first = deploy();
  const std::string newer = write("x = 2\n");
  const auto second = deploy();
  const auto third = deploy(true);

  ASSERT_TRUE(is_live(find(third.key))) << log(first) << log(third);
  EXPECT_THAT(first.lock.value(), HasSubstr(old));
  EXPECT_EQ(tap_key(first), tap_key(second));
  EXPECT_THAT(third.lock.value(), HasSubstr(newer));
  EXPECT_NE(tap_key(first), tap_key(third));
  EXPECT_THAT(log(third), HasSubstr("plugin tap-x: change"));
}

TEST_F(DeployerTest, LocalPackagesCountByTheirContent) {
  put_package("plugins/local", "x = 1\n");
  commit_project("./plugins/local");
  const auto first = deploy();
  ASSERT_TRUE(is_live(first)) << log(first);
  put("elsewhere", "changed");
  commit();
  const auto second = deploy();
  put_package("plugins/local", "x = 2\n");
  commit();
  const auto third = deploy();

  EXPECT_EQ(tap_key(first), tap_key(second));
  EXPECT_NE(tap_key(first), tap_key(third));
  EXPECT_EQ(read_file(environment(third) / "lib/python3.11/site-packages/tap_local.py", 100)
                .value_or("x = 2\n"),
            "x = 2\n");
}

TEST_F(DeployerTest, EditablePackagesPointIntoTheRunsOwnCheckout) {
  put_package("sub/plugins/local", "x = 1\n");
  commit_project("-e sub/plugins/local");

  const auto release = deploy();

  ASSERT_TRUE(is_live(release)) << log(release);
  if (!is_isolated({})) GTEST_SKIP() << "paths are constant inside sandboxes only";
  std::string link;
  for (const auto& entry : fs::recursive_directory_iterator(environment(release) / "lib")) {
    if (entry.path().filename() == "tap_local.pth") link = *read_file(entry.path(), 1000);
  }
  EXPECT_EQ(link, "/repository/sub/plugins/local\n");
}

TEST_F(DeployerTest, OrganizationsShareOnlyWhatIsPublicAndBuiltByNobody) {
  const auto other = add_tenant("globex");
  commit_project("tap-x");
  const auto mine = deploy();
  const auto theirs = deploy(other);
  ASSERT_TRUE(is_live(mine) && is_live(theirs)) << log(mine) << log(theirs);
  EXPECT_EQ(tap_key(mine), tap_key(theirs));

  put_package("plugins/local", "x = 1\n");
  commit_project("./plugins/local");
  EXPECT_NE(tap_key(deploy()), tap_key(deploy(other)));
}

TEST_F(DeployerTest, SecretsInAPipUrlStayVariables) {
  fs::create_directories(root / "private");
  fs::rename(root / "wheels/tap_x-1.0-py3-none-any.whl",
             root / "private/tap_x-1.0-py3-none-any.whl");
  ::setenv("UV_FIND_LINKS",
           fmt::format("{},{}", (root / "wheels").string(), (root / "private").string()).c_str(),
           1);
  const std::string value = "file://" + (root / "private").string();
  const auto stored = database->write([&](db::Session& db) {
    return store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                             "PRIVATE_INDEX", Secret(value), noon);
  });
  ASSERT_TRUE(stored);
  commit_project("tap-x==1.0 --find-links ${PRIVATE_INDEX}");

  const auto release = deploy();
  const auto again = deploy();
  commit_project("tap-x==7 --find-links ${PRIVATE_INDEX}");
  const auto failed = deploy();

  ASSERT_TRUE(is_live(find(release.key)) || is_live(again)) << log(release);
  EXPECT_EQ(tap_key(release), tap_key(again));
  EXPECT_THAT(release.lock.value(), HasSubstr("${PRIVATE_INDEX}"));
  for (const std::string& text : {release.lock.value(), release.content.value(), log(release),
                                  log(failed), failed.error.value_or("")}) {
    EXPECT_THAT(text, Not(HasSubstr(value)));
  }
}

TEST_F(DeployerTest, NothingOfAWheelRunsWhileItIsInstalled) {
  add_wheel("tap-x", "1.1", "pth");
  commit_project("tap-x==1.1");

  const auto release = deploy();

  ASSERT_TRUE(is_live(release)) << log(release);
  EXPECT_TRUE(fs::exists(environment(release)));
  EXPECT_FALSE(fs::exists(environment(release) / "ran"));
}

TEST_F(DeployerTest, AnUpdateThatChangesNothingLeavesTheLiveReleaseAndSaysSo) {
  put("shared/a", "1");
  commit_project("tap-x", "[]", "annotations: {cupola: {watch: [shared]}}");
  put("README", "of the project's own directory");
  commit();
  const auto first = update();
  ASSERT_TRUE(is_live(first)) << log(first);

  const auto same = update();
  const std::string moved = commit();
  const auto moved_only = update();

  for (const auto& release : {same, moved_only}) {
    EXPECT_EQ(release.status, store::ReleaseStatus::unchanged) << log(release);
    EXPECT_THAT(log(release), HasSubstr("differs from release 1"));
    EXPECT_FALSE(fs::exists(home().release(release.key)));
  }
  EXPECT_EQ(moved_only.commit, moved);
  EXPECT_EQ(now(tenant).release, first.key);
  EXPECT_EQ(now(tenant).status, store::DeploymentStatus::live);
  EXPECT_TRUE(deployer()->plan(now(tenant), false)->unchanged);
  EXPECT_TRUE(is_live(deploy())) << "it was forced";
}

TEST_F(DeployerTest, AChangeIsOneOfTheProjectsDirectoryOrOfWhatItWatches) {
  put("sub/meltano.yml",
      "version: 1\nenvironments: [{name: dev}, {name: prod}]\n"
      "annotations: {cupola: {watch: [../shared, ../none]}}\n");
  put("shared/a", "1");
  put("elsewhere/a", "1");
  commit();
  database->write([&](db::Session& db) {
    tenant.project.directory = "sub";
    ASSERT_TRUE(store::change_project(db, tenant.project));
  });
  ASSERT_TRUE(is_live(update()));

  put("elsewhere/a", "2");
  commit();
  EXPECT_TRUE(deployer()->plan(now(tenant), true)->unchanged);
  EXPECT_EQ(update().status, store::ReleaseStatus::unchanged);
  put("shared/a", "2");
  commit();
  EXPECT_FALSE(deployer()->plan(now(tenant), false)->unchanged);
  EXPECT_TRUE(is_live(update()));
  put("none", "now there");
  commit();
  EXPECT_TRUE(is_live(update()));
  put("sub/model.sql", "select 1");
  commit();
  EXPECT_TRUE(is_live(update()));
  EXPECT_EQ(update().status, store::ReleaseStatus::unchanged);
  database->write(
      [&](db::Session& db) { store::set_target(db, tenant.deployment.key, "main", "dev", noon); });
  const auto other = update();
  ASSERT_TRUE(is_live(other));
  EXPECT_EQ(content(other).environment, "dev");
}

TEST_F(DeployerTest, ALockThatMovesIsAChangeAndOneThatStaysIsNone) {
  commit_project("tap-x");
  ASSERT_TRUE(is_live(update()));
  const store::ReleaseWish refreshed{.refresh_plugins = true};
  EXPECT_EQ(deploy(tenant, refreshed).status, store::ReleaseStatus::unchanged);

  add_wheel("tap-x", "2.0");
  EXPECT_EQ(update().status, store::ReleaseStatus::unchanged) << "nobody asked for newer ones";
  EXPECT_TRUE(is_live(deploy(tenant, refreshed)));
  // A plugin beside the project's directory counts by its content, watched or not.
  put_package("plugins/local", "x = 1\n");
  put("sub/meltano.yml",
      "version: 1\nenvironments: [{name: prod}]\nplugins: {extractors: [{name: tap-x, "
      "namespace: tap_x, pip_url: ../plugins/local}]}\n");
  commit();
  database->write([&](db::Session& db) {
    tenant.project.directory = "sub";
    ASSERT_TRUE(store::change_project(db, tenant.project));
  });
  const auto local = update();
  ASSERT_TRUE(is_live(local)) << log(local);
  EXPECT_EQ(update().status, store::ReleaseStatus::unchanged);
  put_package("plugins/local", "x = 2\n");
  commit();
  EXPECT_TRUE(is_live(update()));
}

TEST_F(DeployerTest, ACommitThatIsKeptIsDeployedAnewThoughTheBranchWentOn) {
  const std::string kept = commit_project("tap-x");
  ASSERT_TRUE(is_live(update()));
  commit_project("tap-x", "[]");

  const auto again = deploy(tenant, store::ReleaseWish{.commit = kept});

  ASSERT_TRUE(is_live(again)) << log(again);
  EXPECT_EQ(again.commit, kept);
  EXPECT_EQ(again.number, 2);
}

TEST_F(DeployerTest, ARevisionIsABranchATagOrACommit) {
  const std::string tagged = commit_project("tap-x");
  git({"tag", "v1"}, root / "source");
  git({"tag", "-a", "-m", "two", "v2"}, root / "source");
  const std::string second = commit_project("tap-x", "[]");
  git({"checkout", "--quiet", "-b", "feature/x"}, root / "source");
  const std::string branched = commit_project("tap-x", "[]", "env: {A: b}");
  git({"checkout", "--quiet", "main"}, root / "source");

  const std::pair<std::string, std::string> cases[] = {
      {"v1", tagged}, {"v2", tagged}, {"feature/x", branched}, {second, second}, {tagged, tagged}};
  for (const auto& [revision, commit] : cases) {
    database->write([&](db::Session& db) {
      store::set_target(db, tenant.deployment.key, revision, "prod", clock.now());
    });
    const auto release = deploy();
    ASSERT_TRUE(is_live(release)) << revision << log(release);
    EXPECT_EQ(release.commit, commit) << revision;
  }
  database->write([&](db::Session& db) {
    store::set_target(db, tenant.deployment.key, "v3", "prod", clock.now());
  });
  EXPECT_THAT(deploy().error.value_or(""), HasSubstr("no branch or tag 'v3'"));
}

TEST_F(DeployerTest, WhatADeployWouldMakeIsToldBeforeThereIsADeployment) {
  commit_project("tap-x", "[]");
  ASSERT_TRUE(is_live(update()));
  store::Deployment wished{.organization = tenant.organization.key,
                           .project = tenant.project.key,
                           .name = "other",
                           .environment = "prod",
                           .revision = "main"};

  const auto plan = deployer()->plan(wished, false);
  wished.environment = "none";
  const auto wrong = deployer()->plan(wished, false);

  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_FALSE(plan->unchanged);
  const std::string text = json::serialize(to_json(*plan));
  EXPECT_THAT(text, HasSubstr("There is no schedule"));
  EXPECT_THAT(text, HasSubstr("is deployed as live too: they share its states"));
  EXPECT_THAT(text, HasSubstr(R"("name":"tap-x","type":"extractors")"));
  ASSERT_TRUE(wrong);
  EXPECT_THAT(json::serialize(to_json(*wrong)), HasSubstr("There is no environment 'none'"));
}

TEST_F(DeployerTest, AProjectWithoutSchedulesIsDeployedAndSaysSo) {
  commit_project("tap-x", "[]");

  const auto release = update();

  ASSERT_TRUE(is_live(release)) << log(release);
  EXPECT_THAT(log(release), HasSubstr("note: meltano.yml: There is no schedule"));
  EXPECT_THAT(release.plan.value_or(""), HasSubstr("There is no schedule"));
}

TEST_F(DeployerTest, ADeployThatWasKilledIsTakenUpAgain) {
  commit_project("tap-x");
  const auto deployment = now(tenant);
  const auto queued = database->write(
      [&](db::Session& db) { return store::queue_release(db, deployment, {}, clock.now()); });
  database->write(
      [&](db::Session& db) { return store::claim_release(db, "dead", clock.now(), 20s); });
  fs::create_directories(home().release(queued.key) / "checkout.new/half");
  EXPECT_NE(deployer()->step(), std::optional(0ms));

  clock.advance(21s);
  EXPECT_EQ(deployer()->step(), std::optional(0ms));

  ASSERT_TRUE(is_live(find(queued.key))) << log(queued);
  // Half an environment is none.
  const auto first = find(queued.key);
  remove_tree(environment(first));
  fs::create_directories(environment(first) / "lib");
  const auto second = deploy();
  EXPECT_TRUE(is_live(second)) << log(second);
  EXPECT_TRUE(fs::exists(environment(second) / "bin/tap-x"));
}

/// A clock at which whoever asks from the `calls`th time on stands still: a server that hangs.
class HangingClock : public Clock {
 public:
  HangingClock(const Clock& clock, int calls) : clock_(clock), calls_(calls) {}

  Instant now() const override {
    std::unique_lock lock(mutex_);
    if (calls_ > 0) --calls_;
    hangs_ |= calls_ == 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hangs_ || goes_on_; });
    return clock_.now();
  }
  void wait_until_it_hangs() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hangs_; });
  }
  void go_on() {
    const std::scoped_lock lock(mutex_);
    goes_on_ = true;
    changed_.notify_all();
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int calls_;
  mutable bool hangs_ = false;
  bool goes_on_ = false;
};

TEST_F(DeployerTest, case_04_ABuilderThatHangsIsReplacedAndDoesNoHarmWhenItComesBack) {
  commit_project("tap-x");
  const auto deployment = now(tenant);
  const auto queued = database->write(
      [&](db::Session& db) { return store::queue_release(db, deployment, {}, clock.now()); });
  const auto options = [&](const char* worker) {
    return Options{.worker = worker, .allow_local_repositories = true, .sandbox = sandbox};
  };
  // Two looks at the queue and the first line of the log come before: it hangs after the fetch.
  HangingClock hanging(clock, 4);
  bool told = false;
  Deployer hung({.database = *database, .vault = *vault, .clock = hanging, .home = home()},
                options("hung"), [&](const store::Release&) { told = true; });
  const Home other_home(root / "other", home().logs());
  Deployer other({.database = *database, .vault = *vault, .clock = clock, .home = other_home},
                 options("other"));

  std::thread thread([&] { EXPECT_EQ(hung.step(), std::optional(0ms)); });
  hanging.wait_until_it_hangs();
  EXPECT_NE(other.step(), std::optional(0ms)) << "its lease has not ended";
  clock.advance(21s);
  EXPECT_EQ(other.step(), std::optional(0ms));
  const auto live = find(queued.key);
  hanging.go_on();
  thread.join();

  ASSERT_TRUE(is_live(live)) << log(queued);
  const auto after = find(queued.key);
  EXPECT_TRUE(is_live(after));
  EXPECT_EQ(after.live_at, live.live_at);
  EXPECT_FALSE(told);
  EXPECT_THAT(log(queued), HasSubstr("another one took the release over"));
  EXPECT_THAT(log(queued), ::testing::Not(HasSubstr("failed")));
}

TEST_F(DeployerTest, AServerThatNeverSawAReleaseMakesItsCheckoutAlone) {
  commit_project("tap-x");
  const auto release = deploy();
  ASSERT_TRUE(is_live(release)) << log(release);
  const Home elsewhere(root / "elsewhere");
  Deployer there({.database = *database, .vault = *vault, .clock = clock, .home = elsewhere},
                 {.worker = "there", .allow_local_repositories = true, .sandbox = sandbox});

  ASSERT_TRUE(there.ensure_checkout(release));
  EXPECT_TRUE(fs::exists(elsewhere.checkout(release.key) / "meltano.yml"));
  EXPECT_FALSE(fs::exists(elsewhere.environments() / tap_key(release)));

  ASSERT_TRUE(there.ensure_files(release));
  EXPECT_TRUE(fs::exists(elsewhere.environments() / tap_key(release) / manifest_name));
}

TEST_F(DeployerTest, StoppingGivesTheReleaseBackAtOnce) {
  commit_project("tap-x");
  const auto deployment = now(tenant);
  const auto queued = database->write(
      [&](db::Session& db) { return store::queue_release(db, deployment, {}, clock.now()); });
  const auto stopped = deployer();
  stopped->stop();
  EXPECT_EQ(stopped->step(), std::nullopt);

  EXPECT_EQ(deployer()->step(), std::optional(0ms));
  EXPECT_TRUE(is_live(find(queued.key))) << log(queued);
}

TEST_F(DeployerTest, RollbackBringsCommitAndLockBack) {
  const std::string old_commit = commit_project("tap-x");
  const auto first = deploy();
  add_wheel("tap-x", "2.0");
  commit_project("tap-x", "[]");
  const auto second = deploy(true);
  ASSERT_TRUE(is_live(second)) << log(first) << log(second);

  const auto deployment = now(tenant);
  const auto queued = database->write([&](db::Session& db) {
    return store::queue_rollback(db, deployment, first.number, clock.now());
  });
  ASSERT_TRUE(queued);
  EXPECT_EQ(deployer()->step(), std::optional(0ms));

  const auto third = find(queued->key);
  ASSERT_TRUE(is_live(third)) << log(third);
  EXPECT_EQ(third.commit, old_commit);
  EXPECT_EQ(tap_key(third), tap_key(first));
  EXPECT_THAT(log(third), HasSubstr("schedule nightly returns"));
}

TEST_F(DeployerTest, MissingFilesAreMadeAgainFromGitAndLock) {
  put_package("plugins/local", "x = 1\n");
  commit_project("./plugins/local");
  const auto release = deploy();
  ASSERT_TRUE(is_live(release)) << log(release);
  for (const char* name : {"releases", "environments", "repositories", "cache"}) {
    remove_tree(root / "home" / name);
  }

  const auto made = deployer()->ensure_files(release);

  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(fs::exists(home().checkout(release.key) / "meltano.yml"));
  EXPECT_TRUE(fs::exists(environment(release) / manifest_name));
  EXPECT_TRUE(deployer()->ensure_files(release));
}

TEST_F(DeployerTest, CleanUpTakesWhatNobodyNeeds) {
  commit_project("tap-x");
  const auto first = deploy();
  add_wheel("tap-x", "2.0");
  const auto second = deploy(true);
  const auto third = deploy();
  ASSERT_TRUE(is_live(third)) << log(third);
  const Instant later =
      Instant{std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())} +
      15 * 24h;

  make_folder(home().persisted(tenant.deployment.key) / "output");
  make_folder(home().persisted(DeploymentKey{"gone"}) / "output");
  const Removed none = clean_up(*database, home(), {}, later);
  const Removed some = clean_up(*database, home(), {.releases = 1}, later);

  EXPECT_EQ(none.releases, 0);
  EXPECT_EQ(none.environments, 0);
  EXPECT_TRUE(fs::exists(home().persisted(tenant.deployment.key) / "output"));
  EXPECT_FALSE(fs::exists(home().persisted(DeploymentKey{"gone"})));
  EXPECT_GE(some.releases, 1);
  EXPECT_EQ(some.environments, 1);
  EXPECT_FALSE(fs::exists(home().release(first.key)));
  EXPECT_FALSE(fs::exists(home().deploy_log(first.key)));
  // Another server's folder: the row says that the release was cleaned up.
  const Home other(root / "other");
  make_folder(other.release(first.key));
  make_folder(other.release(third.key));
  clean_up(*database, other, {.releases = 1}, later);
  EXPECT_FALSE(fs::exists(other.release(first.key)));
  EXPECT_TRUE(fs::exists(other.release(third.key)));
  EXPECT_FALSE(fs::exists(home().environments() / tap_key(first)));
  EXPECT_TRUE(fs::exists(environment(second)));
  EXPECT_TRUE(fs::exists(home().checkout(third.key)));
}

TEST_F(DeployerTest, WhatBuildNamesIsRunOnceAndSealedIntoTheRelease) {
  add_wheel("meltano", pinned_meltano, "builds");
  const auto commit_with = [&](std::string_view task) {
    put("meltano.yml",
        fmt::format("version: 1\nenvironments: [{{name: prod}}]\nannotations: {{cupola: {{build: "
                    "[{}]}}}}\nplugins: {{utilities: [{{name: maker, namespace: maker, pip_url: "
                    "tap-x, executable: tap-x, commands: {{deps: deps, fail: fail}}}}]}}\n",
                    task));
    commit();
  };
  database->write([&](db::Session& db) {
    ASSERT_TRUE(store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                                  "WORD", Secret("open sesame"), noon));
    ASSERT_TRUE(store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                                  "REGION", Secret("eu-west-1"), noon,
                                  {.kind = store::SecretKind::plain}));
    ASSERT_TRUE(store::set_secret(db, *vault, tenant.organization.key, tenant.project.key, {},
                                  "GIT_SSH_PRIVATE_KEY", Secret("a key"), noon));
  });
  commit_with("maker:deps");

  const auto release = update();

  ASSERT_TRUE(is_live(release)) << log(release);
  EXPECT_THAT(log(release), HasSubstr("it says ${WORD} eu-west-1 None True"));
  const fs::path checkout = home().checkout(release.key);
  EXPECT_EQ(read_file(checkout / "built.txt", 10).value_or(""), "x");
  EXPECT_FALSE(fs::exists(checkout / "pipe"));
  EXPECT_FALSE(fs::exists(checkout / ".meltano"));
  EXPECT_EQ(fs::last_write_time(checkout / "built.txt"),
            fs::last_write_time(checkout / "meltano.yml"));
  struct ::stat info {};
  ASSERT_EQ(::stat((checkout / "built.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0666u);
  EXPECT_EQ(info.st_uid, ::geteuid());
  EXPECT_EQ(update().status, store::ReleaseStatus::unchanged);

  // Another server has it by doing the same.
  const Home elsewhere(root / "elsewhere");
  Deployer there({.database = *database, .vault = *vault, .clock = clock, .home = elsewhere},
                 {.worker = "there", .allow_local_repositories = true, .sandbox = sandbox});
  for (int i = 0; i < 2; ++i) {
    ::testing::internal::CaptureStderr();
    const auto made = there.ensure_files(release);
    const std::string said = ::testing::internal::GetCapturedStderr();
    ASSERT_TRUE(made) << made.error().message;
    if (i == 0) {
      EXPECT_THAT(said, HasSubstr("it says ${WORD} eu-west-1"));
    }
    EXPECT_THAT(said, Not(HasSubstr("open sesame")));
    EXPECT_EQ(read_file(elsewhere.checkout(release.key) / "built.txt", 10).value_or(""), "x");
  }

  commit_with("maker:fail");
  const auto failed = update();
  EXPECT_EQ(failed.status, store::ReleaseStatus::failed);
  EXPECT_THAT(failed.error.value_or(""), HasSubstr("'maker:fail' ended with exit code 3"));
  EXPECT_EQ(now(tenant).release, release.key);
}

TEST_F(DeployerTest, ADirectoryOutsideOrMissingIsRefused) {
  commit_project("tap-x");
  fs::create_directory_symlink("/", root / "source/out");
  commit();
  for (const char* directory : {"none", "out/etc"}) {
    auto other = tenant;
    database->write([&](db::Session& db) {
      const auto project = store::create_project(db, tenant.organization.key, directory,
                                                 (root / "source").string(), directory, noon);
      other.deployment = *store::create_deployment(db, tenant.organization.key, project->key,
                                                   "live", "prod", "main", noon);
    });
    EXPECT_EQ(deploy(other).status, store::ReleaseStatus::failed) << directory;
  }
}

TEST(FindUvTest, SaysWhatToInstall) {
  const auto found = find_uv("/nowhere/uv");

  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().hint, HasSubstr("Install uv"));
}

}  // namespace
}  // namespace cupola::deploy
