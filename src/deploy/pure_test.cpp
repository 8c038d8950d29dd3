#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/id.h"
#include "deploy/backfill_template.h"
#include "deploy/content.h"
#include "deploy/deploy_log.h"
#include "deploy/installer.h"
#include "deploy/lock.h"
#include "deploy/plan.h"
#include "deploy/requirement.h"
#include "deploy/specifier.h"
#include "deploy/ssh_hosts.h"
#include "process/program.h"

namespace cupola::deploy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(GitSettingsTest, GitsKeyOfTheProjectIsForEveryHostThatIsAskedOverSsh) {
  const std::filesystem::path work =
      std::filesystem::path(::testing::TempDir()) / ("git-settings-" + random_hex(8));
  make_folder(work);
  Source source{.repository = "https://git.example/x"};
  write_git_settings(work, source, work / "home");
  EXPECT_FALSE(std::filesystem::exists(work / ".git-key"));

  source.secrets.emplace("GIT_SSH_PRIVATE_KEY", Secret("-----BEGIN KEY-----\r\nabc"));
  write_git_settings(work, source, work / "home");

  EXPECT_EQ(*read_file(work / ".git-key", 1000), "-----BEGIN KEY-----\nabc\n");
  EXPECT_EQ(std::filesystem::status(work / ".git-key").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto told = process::run(
      {.argv = {"git", "config", "--file", (work / ".gitconfig").string(), "core.sshCommand"},
       .env = {{"PATH", "/usr/bin:/bin"}}});
  ASSERT_TRUE(told && told->exit.ok());
  EXPECT_THAT(told->out, ::testing::HasSubstr(R"(-o "IdentityFile=$HOME/.git-key")"));
  remove_tree(work);
}

TEST(SshAddressesTest, AreWhatGitIsAskedForEachOnce) {
  EXPECT_THAT(ssh_addresses("git+ssh://git@h/a.git@v1#egg=x\n'y @ git+ssh://git@h/b' z==1\n"
                            "w @ git+ssh://git@h:22/a.git@main \\\n git+ssh://git@h/b@v2\n"
                            "git+https://h/c git+ssh://h"),
              ElementsAre("ssh://git@h/a.git", "ssh://git@h/b", "ssh://git@h:22/a.git", "ssh://h"));
  EXPECT_THAT(ssh_addresses("tap-x==1"), IsEmpty());
}

TEST(SpecifierTest, FitsAsPep440HasIt) {
  const auto yes = [](const char* version, const char* specifier) {
    EXPECT_EQ(fits(version, specifier), std::optional(true)) << version << " " << specifier;
  };
  const auto no = [](const char* version, const char* specifier) {
    EXPECT_EQ(fits(version, specifier), std::optional(false)) << version << " " << specifier;
  };
  yes("4.4.1", "");
  yes("4.4.1", ">=3.5, <5");
  yes("4.4.1", "==4.4.*");
  yes("4.4.1", "~=4.1");
  yes("4.4", "==4.4.0");
  yes("4.4.1", "!=4.0.*");
  no("4.4.1", "<4.4.1");
  no("4.4.1", "~=4.3.0");
  no("4.4.1", "==4.4");
  no("4.10.0", "<4.9");
  no("4.4.1", ">4.4.1");
  no("4.4.1", "!=4.4.*,>=3");
  EXPECT_FALSE(fits("4.4.1", ">=4.5rc1").has_value());
  EXPECT_FALSE(fits("4.4.1", "latest").has_value());
}

TEST(RequirementTest, PartsGoWhereUvTakesThem) {
  const auto one = parse_requirement(
      "tap-x[s3]==1.0 'other>=2,<3' -e ./lib --index-url https://u:p@i/simple --pre --upgrade "
      "-r reqs.txt --constraint=https://c/x.txt ./more git+https://g/h@main x@https://a/b.whl");

  ASSERT_TRUE(one) << one.error().message;
  EXPECT_THAT(one->lines, ElementsAre("tap-x[s3]==1.0", "other>=2,<3", "-e ./lib", "-r reqs.txt",
                                      "-c https://c/x.txt", "./more", "git+https://g/h@main",
                                      "x@https://a/b.whl"));
  EXPECT_THAT(one->options,
              ElementsAre("--index-url", "https://u:p@i/simple", "--prerelease", "allow"));
  EXPECT_THAT(one->local, ElementsAre("./lib", "./more"));
  EXPECT_THAT(one->files, ElementsAre("reqs.txt"));
  EXPECT_FALSE(one->index_only);
}

TEST(RequirementTest, OnlyNamesComeFromTheIndexAlone) {
  for (const char* text : {"tap-x", "tap-x==1.0 b~=2.0", "'tap-x[a,b]>=1' -c https://c/x.txt"}) {
    EXPECT_TRUE(parse_requirement(text)->index_only) << text;
  }
  for (const char* text :
       {"git+https://g/h", "./x", "-e .", "x @ https://a/b.whl", "'x @ file:///y'", "a/b",
        "x -i https://i", "x --find-links /w", "-r a.txt", "x.whl", "x --no-build-isolation"}) {
    const auto one = parse_requirement(text);
    EXPECT_TRUE(!one || !one->index_only) << text;
  }
}

TEST(RequirementTest, RefusesWhatCannotBeRead) {
  for (const char* text : {"", "--pre", "x -r", "'open", "'a\nb'"}) {
    EXPECT_FALSE(parse_requirement(text)) << text;
  }
}

TEST(LockTest, ComesBackAsItWas) {
  const Lock lock{{{.id = "i",
                    .names = {"extractors/a", "loaders/b"},
                    .pip_url = "a \"quoted\"",
                    .python = "3.11.2",
                    .interpreter = "/usr/bin/python3.11",
                    .resolution = "a==1 \\\n    --hash=sha256:00\nb @ git+https://h/b@c0ffee\n",
                    .options = {"--index-url", "${INDEX}"},
                    .key = "k",
                    .shared = true}}};

  const Lock again = parse_lock(to_json_text(lock));

  EXPECT_EQ(to_json_text(again), to_json_text(lock));
  EXPECT_EQ(again.find_name("loaders/b"), again.find("i"));
  EXPECT_EQ(again.find_key("none"), nullptr);
  EXPECT_THAT(pins(lock.entries[0].resolution), ElementsAre("a==1", "b @ git+https://h/b@c0ffee"));
  EXPECT_THROW(parse_lock("{}"), Failure);
}

TEST(MaskTest, ShowsVariablesInPlaceOfSecrets) {
  const std::map<std::string, Secret> secrets = {{"TOKEN", Secret("p@ss/word")},
                                                 {"SHORT", Secret("abc")}};

  EXPECT_EQ(masked("x p@ss/word y p%40ss%2Fword abc", secrets), "x ${TOKEN} y ${TOKEN} abc");
  EXPECT_EQ(masked("cEBzcy93b3Jk 7040"
                   "73732f776f7264 p@ss\\/word",
                   secrets),
            "${TOKEN} ${TOKEN} ${TOKEN}");
}

store::ContentSchedule schedule(std::string name, std::string interval, std::string job) {
  return {.settings = {.name = std::move(name), .interval = std::move(interval)},
          .command = {"run", job},
          .job = job};
}

TEST(PlanTest, TellsWhatBecomesOfSchedules) {
  const auto row = [](std::string name, bool present, bool enabled) {
    store::Schedule one;
    one.name = std::move(name);
    one.interval = "@daily";
    one.timezone = "UTC";
    one.present = present;
    one.enabled = enabled;
    return one;
  };
  const std::vector<store::Schedule> known = {row("same", true, true), row("faster", true, true),
                                              row("other-job", true, false),
                                              row("gone", true, true), row("back", false, true)};
  store::ReleaseContent before;
  before.schedules = {schedule("same", "@daily", "a"), schedule("faster", "@daily", "a"),
                      schedule("other-job", "@daily", "a"), schedule("gone", "@daily", "a")};
  store::ReleaseContent after;
  after.schedules = {schedule("same", "@daily", "a"), schedule("faster", "@hourly", "a"),
                     schedule("other-job", "@daily", "b"), schedule("new", "@daily", "a"),
                     schedule("back", "@daily", "a")};

  Plan plan{.commit = "c", .schedules = compare_schedules(known, &before, after)};

  EXPECT_THAT(to_lines(plan),
              ElementsAre("schedule faster changes from '@daily: run a' to '@hourly: run a'",
                          "schedule other-job changes from '@daily: run a' to '@daily: run b'",
                          "schedule new appears, switched off",
                          "schedule back returns, switched on", "schedule gone vanishes"));
}

TEST(PlanTest, AScheduleChangesWithItsJobItsPoliciesAndItsVariables) {
  store::Schedule row;
  row.name = "daily";
  row.interval = "@daily";
  store::ReleaseContent before;
  before.schedules = {schedule("daily", "@daily", "load")};
  before.schedules[0].env = {{"A", "1"}};
  before.jobs = {{.name = "load", .tasks = {"tap-a target-b"}}};
  store::ReleaseContent after = before;
  const auto lines = [&] {
    return to_lines({.schedules = compare_schedules({row}, &before, after)});
  };
  EXPECT_THAT(lines(), IsEmpty());

  after.jobs[0].tasks.emplace_back("dbt:run");
  after.schedules[0].settings.given.overlap = store::Overlap::skip;
  after.schedules[0].env = {{"A", "secret"}};

  EXPECT_THAT(lines(),
              ElementsAre("schedule daily changes from '@daily: run load; tasks tap-a target-b' to "
                          "'@daily, overlap skip: run load; tasks tap-a target-b, dbt:run; "
                          "other values in env'"));
}

TEST(PlanTest, TellsWhatTheApiHoldsOverMeltanoYml) {
  store::Schedule row;
  row.name = "load";
  row.interval = "@daily";
  row.present = true;
  row.given = {.retries = 1};
  row.own = {.timezone = "Europe/Berlin", .retries = 3, .offset = store::OffsetRule{}};
  store::ReleaseContent after;
  after.schedules = {schedule("load", "@daily", "a")};
  after.schedules[0].settings.given = {.missed = store::Missed::all, .retries = 2};

  const Plan plan{.commit = "c",
                  .schedules = compare_schedules({row}, &after, after),
                  .overrides = find_overrides({row}, after)};

  EXPECT_THAT(
      to_lines(plan),
      ElementsAre("schedule load changes from '@daily Europe/Berlin, retries 3: run a' to "
                  "'@daily Europe/Berlin, missed all, retries 3: run a'",
                  "schedule load keeps timezone Europe/Berlin, set through the API",
                  "schedule load keeps retries 3, set through the API, over 2 of meltano.yml",
                  "schedule load keeps offset random, set through the API"));
  EXPECT_THAT(json::serialize(to_json(plan)),
              HasSubstr(R"({"schedule":"load","setting":"retries","value":3,"given":2})"));
}

TEST(PlanTest, WarnsOfWhatTheApiSetAndDoesNotFitAnotherInterval) {
  store::Schedule row;
  row.name = "load";
  row.interval = "@hourly";
  row.present = true;
  row.own = {.timezone = "Europe/Berlin", .offset = store::OffsetRule{.minutes = -30min}};
  const auto overrides = [&](const char* interval) {
    store::ReleaseContent after;
    after.schedules = {schedule("load", interval, "a")};
    return Plan{.commit = "c", .overrides = find_overrides({row}, after)};
  };

  EXPECT_THAT(to_lines(overrides("@hourly")), Not(Contains(HasSubstr("warning"))));
  EXPECT_THAT(json::serialize(to_json(overrides("@hourly"))), Not(HasSubstr("misfit")));
  const Plan plan = overrides("*/15 * * * *");
  EXPECT_THAT(
      to_lines(plan),
      Contains("warning: schedule load, offset: An offset of -30 min is not shorter than the "
               "interval */15 * * * *, which fires 15 min apart. It holds all the same: each "
               "fire comes at its nominal time plus that. (Give whole minutes from -14 to "
               "14, or random.)"));
  EXPECT_THAT(json::serialize(to_json(plan)), HasSubstr(R"("given":null,"misfit":"An offset)"));
  row.own.timezone = "Mars/Phobos";
  EXPECT_THAT(to_lines(overrides("@hourly")),
              Contains(::testing::ContainsRegex("timezone: .*Mars/Phobos.*fires no more")));
}

TEST(BackfillTemplateTest, NamesTwoVariablesAndASuffix) {
  const auto read = [](const char* text) { return read_backfill(*parse_json(text)); };
  const auto good = read(R"({"start":"TAP_X_START","end":"TAP_X_END","state_id_suffix":"b-1"})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->start_variable, "TAP_X_START");

  for (const char* wrong :
       {"true", "{}", R"({"start":"A","end":"A","state_id_suffix":"b"})",
        R"({"start":"A","end":"B"})", R"({"start":"A","end":"B","state_id_suffix":"b:c"})",
        R"({"start":"LD_PRELOAD","end":"B","state_id_suffix":"b"})",
        R"({"start":"PATH","end":"B","state_id_suffix":"b"})",
        R"({"start":"1A","end":"B","state_id_suffix":"b"})",
        R"({"start":"A B","end":"B","state_id_suffix":"b"})",
        R"({"start":"A","end":"B","state_id_suffix":"b","more":1})"}) {
    const auto refused = read(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().hint, HasSubstr("start: TAP_X_START_DATE")) << wrong;
  }
}

TEST(PlanTest, NamesThePackagesThatMoved) {
  const Lock before{{{.names = {"extractors/tap-x"}, .resolution = "a==1\nb==1\n"}}};
  const LockEntry after{.names = {"extractors/tap-x"}, .resolution = "a==1\nb==2\n"};

  const auto moved = compare_plugin("extractors/tap-x", before, &after, false);
  const auto same = compare_plugin("extractors/tap-x", before, &before.entries[0], true);

  EXPECT_EQ(moved.kind, PluginChange::Kind::change);
  EXPECT_EQ(moved.from, "b==1");
  EXPECT_EQ(moved.to, "b==2");
  EXPECT_EQ(same.kind, PluginChange::Kind::reuse);
  EXPECT_THAT(same.from, IsEmpty());
}

TEST(InstallerCallTest, AddressesThatMayHoldPasswordsAreNoWordsOfACommandLine) {
  const InstallerCall call = with_hidden_addresses(
      {"--index-url", "https://u:p@a.example/simple", "--extra-index-url", "https://b.example",
       "--pre", "--extra-index-url", "https://t@c.example", "--find-links", "./wheels"},
      {{"UV_EXTRA_INDEX_URL", "https://operator.example"}, {"PATH", "/usr/bin"}});

  EXPECT_EQ(call.words, (std::vector<std::string>{"--pre", "--find-links", "./wheels"}));
  EXPECT_EQ(call.env.at("UV_DEFAULT_INDEX"), "https://u:p@a.example/simple");
  EXPECT_EQ(call.env.at("UV_EXTRA_INDEX_URL"),
            "https://operator.example https://b.example https://t@c.example");
  EXPECT_EQ(call.env.at("PATH"), "/usr/bin");
}

}  // namespace
}  // namespace cupola::deploy
