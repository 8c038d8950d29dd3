#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "meltano/project.h"

namespace cupola::meltano {
namespace {

namespace fs = std::filesystem;

/// A repository on disk for one test.
class InspectTest : public testing::Test {
 protected:
  InspectTest()
      : root_(fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~InspectTest() override { fs::remove_all(root_); }

  void write(const fs::path& path, std::string_view text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  Inspection inspect(const fs::path& directory = ".") { return meltano::inspect(root_, directory); }

  fs::path root_;
};

std::vector<std::string> in_short(const Inspection& inspection, bool rejects) {
  std::vector<std::string> lines;
  for (const Fault& fault : inspection.faults) {
    if (fault.rejects == rejects) {
      lines.push_back(fault.place.file + ":" + std::to_string(fault.place.line) + " " +
                      fault.message);
    }
  }
  return lines;
}

TEST_F(InspectTest, AllFaultsAreListedEachWithItsPlace) {
  write("meltano.yml", R"(version: 1
default_environment: dve
environments:
- name: dev
  orchestrators: []
- name: 5
plugins:
  models:
  - name: x
  extractors:
  - name: tap-a
    namespace: tap_a
    settings:
    - kind: number
      name: s
    - just-text
    commands:
      run: [a, b]
  loaders:
schedules:
- name: one
  job: nightly
- name: two
  interval: '@daily'
  extractor: tap-a
jobs:
- name: nightli
  task: [tap-a target-a]
)");

  const Inspection inspection = inspect();

  EXPECT_FALSE(inspection.ok);
  EXPECT_THAT(in_short(inspection, true),
              testing::ElementsAre(
                  testing::StartsWith("meltano.yml:5 The environment has no key 'orchestrators'"),
                  "meltano.yml:6 The name must be text; this is the number 5.",
                  "meltano.yml:8 There is no plugin type 'models'.",
                  "meltano.yml:14 There is no kind 'number' of settings.",
                  testing::StartsWith("meltano.yml:16 The setting must be a mapping"),
                  testing::StartsWith("meltano.yml:18 The command 'run' must be text or a mapping"),
                  "meltano.yml:19 'loaders' must be a list; this is nothing.",
                  "meltano.yml:21 The schedule has no 'interval'.",
                  "meltano.yml:23 The schedule has no 'loader'.",
                  "meltano.yml:23 The schedule has no 'transform'.",
                  "meltano.yml:27 The job has no 'tasks'.",
                  testing::StartsWith("meltano.yml:28 The job has no key 'task'")));
  EXPECT_THAT(in_short(inspection, false),
              testing::IsSupersetOf(
                  {std::string("meltano.yml:0 'default_environment' is 'dve', but there is no such "
                               "environment."),
                   std::string("meltano.yml:21 The schedule 'one' runs the job 'nightly', which is "
                               "not there.")}));
  for (const Fault& fault : inspection.faults) EXPECT_FALSE(fault.hint.empty()) << fault.message;
  EXPECT_EQ(inspection.project.environments.at(0).name, "dev");
}

TEST_F(InspectTest, FaultsOfUseLeaveTheProjectAccepted) {
  write("meltano.yml", R"(default_environment: dev
environments: [{name: dev}]
plugins:
  extractors:
  - {name: tap-a, namespace: tap_a}
  - {name: tap-a, namespace: tap_a}
  - {name: tap-b, inherit_from: tap-c}
  - {name: tap-c, inherit_from: tap-b}
  - {name: tap-d, variant: good}
jobs:
- name: job
  tasks: [tap-a target-x]
- name: text
  tasks: tap-a target-x
schedules:
- {name: s, interval: 0 0 * * * *, job: jbo}
- {name: s, interval: '@daily', extractor: tap-z, loader: target-x, transform: no}
)");

  const Inspection inspection = inspect();

  EXPECT_TRUE(inspection.ok);
  EXPECT_THAT(in_short(inspection, true), testing::IsEmpty());
  EXPECT_THAT(in_short(inspection, false),
              testing::ElementsAre(
                  "meltano.yml:6 There are two extractors named 'tap-a'.",
                  testing::HasSubstr("which inherits from it again"),
                  testing::HasSubstr("which inherits from it again"),
                  testing::HasSubstr("there is no plugins/extractors/tap-d--good.lock"),
                  testing::HasSubstr("The job 'job' cannot run: 'target-x' names no plugin"),
                  testing::HasSubstr("letter by letter"), testing::HasSubstr("runs the job 'jbo'"),
                  testing::HasSubstr("two schedules named 's'"),
                  testing::HasSubstr("names 'tap-z', which is not among the extractors"),
                  testing::HasSubstr("names 'target-x', which is not among the loaders"),
                  testing::HasSubstr("the transform 'no'")));
  const Schedule& schedule = inspection.project.schedules.at(0);
  EXPECT_EQ(schedule.interval, "0 0 * * * *");
  EXPECT_EQ(schedule.interval_place.line, 16);
  EXPECT_EQ(schedule.interval_place.column, 23);
}

TEST_F(InspectTest, AMissingLockFileNamesItsRemedy) {
  write("meltano.yml", "plugins: {extractors: [{name: tap-csv, variant: meltanolabs}]}\n");

  const Inspection missing = inspect();
  write("plugins/extractors/tap-csv--meltanolabs.lock",
        R"({"namespace": "tap_csv", "pip_url": "tap", "commands": {"c": {"args": "x"}}})");
  const Inspection present = inspect();
  write("plugins/extractors/tap-csv--meltanolabs.lock", "{");
  const Inspection broken = inspect();

  ASSERT_EQ(missing.faults.size(), 1U);
  EXPECT_THAT(missing.faults.at(0).hint, testing::HasSubstr("meltano lock --all"));
  EXPECT_THAT(missing.faults.at(0).hint, testing::HasSubstr("commit the folder plugins/"));
  EXPECT_THAT(present.faults, testing::IsEmpty());
  EXPECT_EQ(present.project.plugins.at(0).definition->pip_url, "tap");
  EXPECT_EQ(present.project.plugins.at(0).definition->commands.at("c").args, "x");
  ASSERT_EQ(broken.faults.size(), 1U);
  EXPECT_EQ(broken.faults.at(0).place.file, "plugins/extractors/tap-csv--meltanolabs.lock");
}

TEST_F(InspectTest, IncludesAreMergedAndListsAppended) {
  write("meltano.yml", R"(include_paths: ['./parts/*.yml', 'deep/**/x.yml', 'meltano.yml']
env: {A: '1', B: '1'}
plugins: {extractors: [{name: tap-a, namespace: a}]}
schedules: []
)");
  write("parts/one.yml",
        "env: {B: '2'}\nplugins: {extractors: [{name: tap-b, namespace: b}], loaders: [{name: "
        "target-b, namespace: b}]}\n");
  write("parts/.hidden.yml", "jobs: [{name: j, tasks: [tap-a target-b]}]\n");
  write("parts/two.yaml", "not: included\n");
  write("deep/a/b/x.yml", "schedules: [{name: s, interval: '@daily', job: j}]\n");

  const Inspection inspection = inspect();

  EXPECT_TRUE(inspection.ok);
  EXPECT_THAT(inspection.faults, testing::IsEmpty());
  const Project& project = inspection.project;
  EXPECT_EQ(project.env.at("A"), "1");
  EXPECT_EQ(project.env.at("B"), "2");
  EXPECT_EQ(project.plugins.size(), 3U);
  EXPECT_NE(project.find_plugin("extractors", "tap-b"), nullptr);
  EXPECT_EQ(project.find_plugin("loaders", "target-b")->place.file, "parts/one.yml");
  EXPECT_NE(project.find_job("j"), nullptr);
  EXPECT_EQ(project.find_schedule("s")->place.file, "deep/a/b/x.yml");
  EXPECT_FALSE(project.extras.contains("not"));
}

TEST_F(InspectTest, IncludesThatOfficialMeltanoRefusesAreRefused) {
  write("meltano.yml",
        "include_paths: [a.yml, b.yml, c.yml, ../out.yml, /etc/passwd, dir, d.yml]\n"
        "jobs:\n");
  write("a.yml", "plugins: {loaders: [{name: x, namespace: x}]}\n");
  write("b.yml", "plugins: {loaders: [{name: x, namespace: x}]}\n");
  write("c.yml", "");
  write("d.yml", "jobs: [{name: j, tasks: []}]\nenv: @\n");
  fs::create_directories(root_ / "dir");

  const Inspection inspection = inspect();

  EXPECT_FALSE(inspection.ok);
  EXPECT_THAT(in_short(inspection, true),
              testing::UnorderedElementsAre(
                  testing::HasSubstr("'../out.yml' leads upwards"),
                  testing::HasSubstr("'/etc/passwd' is an absolute path"),
                  testing::HasSubstr("dir is not a regular file"),
                  testing::HasSubstr("b.yml:1 The name 'x' stands in included files twice"),
                  testing::HasSubstr("c.yml:1 An included file must not be empty"),
                  testing::HasSubstr("d.yml:2 This is not YAML"),
                  testing::HasSubstr("d.yml:1 'jobs' is a list here, but nothing")));
}

TEST_F(InspectTest, NoLinkLeadsOutOfTheProject) {
  write("secret.yml", "env: {SECRET: s}\n");
  write("project/inside.yml", "env: {A: '1'}\n");
  fs::create_symlink(root_ / "secret.yml", root_ / "project/link.yml");
  fs::create_symlink("inside.yml", root_ / "project/fine.yml");
  fs::create_symlink("loop.yml", root_ / "project/loop.yml");
  fs::create_symlink(root_, root_ / "project/up");
  ::mkfifo((root_ / "project/fifo.yml").c_str(), 0600);
  write("project/meltano.yml",
        "include_paths: [fine.yml, link.yml, loop.yml, fifo.yml, up/secret.yml]\n");
  fs::create_directories(root_ / "linked");
  fs::create_symlink(root_ / "secret.yml", root_ / "linked/meltano.yml");
  fs::create_symlink(root_ / "project", root_ / "alias");

  const Inspection project = inspect("project");
  const Inspection linked = inspect("linked");
  const Inspection alias = inspect("alias");
  const Inspection outside = inspect("project/../..");

  EXPECT_EQ(project.project.env.at("A"), "1");
  EXPECT_FALSE(project.project.env.contains("SECRET"));
  EXPECT_THAT(in_short(project, true),
              testing::ElementsAre(testing::HasSubstr("link.yml is a link that leads out"),
                                   testing::HasSubstr("loop.yml is, or goes through, a symbolic"),
                                   testing::HasSubstr("fifo.yml is not a regular file")));
  for (const Inspection* refused : {&linked, &alias, &outside}) {
    EXPECT_FALSE(refused->ok);
    EXPECT_TRUE(refused->project.env.empty());
    EXPECT_EQ(refused->faults.size(), 1U);
  }
}

TEST_F(InspectTest, WhatIsMissingOrEmptyIsSaid) {
  const Inspection missing = inspect();
  write("meltano.yml", "# nothing\n");
  const Inspection empty = inspect();
  write("meltano.yml", "- a\n");
  const Inspection list = inspect(root_);

  const Inspection elsewhere = meltano::inspect(root_, "teams/data");

  EXPECT_THAT(missing.faults.at(0).message, testing::HasSubstr("no meltano.yml"));
  EXPECT_THAT(elsewhere.faults.at(0).message, testing::HasSubstr("in the folder 'teams/data'"));
  EXPECT_THAT(empty.faults.at(0).message, testing::HasSubstr("empty"));
  EXPECT_THAT(list.faults.at(0).message, testing::HasSubstr("holds a list"));
}

TEST_F(InspectTest, JsonHasTheFaultsBesideTheProject) {
  write("meltano.yml",
        "version: 1\nstate_backend.uri: s3://x\nschedules: [{name: s, interval: 1 2 3 4 5, job: "
        "j}]\n");

  const json::object accepted = to_json(inspect());
  write("meltano.yml", "jobs: [{}]\na: @\n");
  const json::object refused = to_json(inspect());

  EXPECT_TRUE(accepted.at("ok").as_bool());
  EXPECT_EQ(accepted.at("state_backend.uri"), "s3://x");
  EXPECT_EQ(accepted.at("schedules").at(0).at("interval_accepted_by_add"), true);
  EXPECT_EQ(accepted.at("faults").at(0).at("severity"), "warning");
  EXPECT_FALSE(refused.at("ok").as_bool());
  EXPECT_EQ(refused.at("error").at("stage"), "yaml");
  EXPECT_EQ(refused.at("error").at("line"), 2);
  EXPECT_EQ(refused.at("faults").as_array().size(), 3U);
}

}  // namespace
}  // namespace cupola::meltano
