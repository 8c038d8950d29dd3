#include "deploy/deployer_test.h"

#include <gmock/gmock.h>

namespace cupola::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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

TEST_F(DeployerTest, AProjectWithoutSchedulesIsDeployedAndSaysSo) {
  commit_project("tap-x", "[]");

  const auto release = update();

  ASSERT_TRUE(is_live(release)) << log(release);
  EXPECT_THAT(log(release), HasSubstr("note: meltano.yml: There is no schedule"));
  EXPECT_THAT(release.plan.value_or(""), HasSubstr("There is no schedule"));
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
