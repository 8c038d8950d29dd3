#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/build_box.h"
#include "deploy/deployer_test.h"
#include "store/secrets.h"

namespace cupola::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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

}  // namespace
}  // namespace cupola::deploy
