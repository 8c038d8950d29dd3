#include <gmock/gmock.h>

#include "deploy/deployer_test.h"

namespace cupola::deploy {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace cupola::deploy
