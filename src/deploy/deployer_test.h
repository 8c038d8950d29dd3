#pragma once

/// Deploys of a project made on the spot, with real git and uv and with packages made here.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "base/text.h"
#include "deploy/deployer.h"
#include "deploy/meltano_version.h"
#include "process/program.h"
#include "testing/fake_clock.h"
#include "testing/tenant.h"

namespace cupola::deploy {

namespace fs = std::filesystem;

inline const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

/// Wheels made on the spot, so that no test needs a package index.
inline constexpr std::string_view make_wheel = R"(
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
inline constexpr std::string_view backend = R"(
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

inline constexpr std::string_view package = R"([project]
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
  const TempFolder temp{"cupola-deploy"};
  const fs::path& root = temp.path();
  std::unique_ptr<db::Database> database;
  std::optional<store::Vault> vault;
  testing::FakeClock clock{noon};
  testing::Tenant tenant;
};

}  // namespace cupola::deploy
