#include "meltano/requirements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meltano/inheritance.h"
#include "meltano/read.h"
#include "meltano/shell_words.h"
#include "meltano/variables.h"

namespace cupola::meltano {
namespace {

// What the tests here expect came out of official Meltano 4.4.1 for the same input.
Project sample() {
  Report report;
  const auto document = yaml::parse(R"(
env: {ROOT: r, LATE: $ROOT}
plugins:
  extractors:
  - name: tap-a
    namespace: tap_a
    pip_url: "tap-a==1"
    executable: tap-a-exe
    commands: {x: "one", y: {args: two, executable: e}}
    settings: [{name: s1}, {name: s2, value: 5}]
  - name: tap-b
    inherit_from: tap-a
    commands: {y: three}
    settings: [{name: s2, value: 6}, {name: s3}]
  - name: tap-c
    inherit_from: tap-b
    pip_url: "tap-a==1"
  - name: tap-d
    inherit_from: tap-b
    pip_url: "tap-a==2 $ROOT ${MELTANO_EXTRACTOR_NAME} ${MELTANO_ENVIRONMENT} ${PE} ${MELTANO__PYTHON_VERSION} ${MELTANO_EXTRACTOR_NAMESPACE}"
    env: {PE: "pe-$ROOT"}
  - {name: tap-e, inherit_from: tap-lock, variant: v1}
  - {name: tap-f, inherit_from: tap-e}
  loaders:
  - {name: target-x, namespace: target_x}
  - {name: target-y, inherit_from: target-x, pip_url: y, python: python3.12}
)",
                                    report.add_file("meltano.yml"));
  Project project = read_project(*document.root, report);
  for (Plugin& plugin : project.plugins) {
    if (plugin.name == "tap-e") {
      plugin.definition = Definition{.file = "plugins/extractors/tap-lock--v1.lock",
                                     .namespace_ = "tap_lock_ns",
                                     .variant = "v1",
                                     .pip_url = "locked",
                                     .executable = "lock-exe"};
    }
  }
  return project;
}

TEST(InheritanceTest, OwnValuesStandBeforeThoseOfTheParents) {
  const Project project = sample();

  const auto b = resolve(project, *project.find_plugin("tap-b"));
  const auto c = resolve(project, *project.find_plugin("tap-c"));
  const auto d = resolve(project, *project.find_plugin("tap-d"));
  const auto f = resolve(project, *project.find_plugin("tap-f"));

  EXPECT_EQ(b->namespace_, "tap_b");
  EXPECT_EQ(b->pip_url, "tap-a==1");
  EXPECT_EQ(b->executable, "tap-a-exe");
  EXPECT_EQ(b->directory_name, "tap-a");
  EXPECT_EQ(b->commands.at("x").args, "one");
  EXPECT_EQ(b->commands.at("y").args, "three");
  ASSERT_EQ(b->settings.size(), 3U);
  EXPECT_EQ(b->settings.at(1).value, 6);
  EXPECT_EQ(c->directory_name, "tap-a");
  EXPECT_EQ(d->directory_name, "tap-d");
  EXPECT_EQ(f->pip_url, "locked");
  EXPECT_EQ(f->executable, "lock-exe");
  EXPECT_EQ(f->directory_name, "tap-lock");
}

TEST(RequirementsTest, EachEnvironmentIsNamedOnce) {
  const auto environments = required_environments(sample(), "dev");

  std::vector<std::string> names;
  for (const PluginEnvironment& environment : environments) {
    names.push_back(environment.type + "/" + environment.directory_name);
  }
  EXPECT_THAT(names, testing::ElementsAre("extractors/tap-a", "extractors/tap-d",
                                          "extractors/tap-lock", "loaders/target-y"));
  EXPECT_THAT(environments.at(0).plugins, testing::ElementsAre("tap-a", "tap-b", "tap-c"));
  EXPECT_EQ(environments.at(3).python, "python3.12");
}

TEST(RequirementsTest, VariablesInPipUrlHaveTheirValues) {
  const auto environments = required_environments(sample(), "dev");
  const auto values =
      variables_for(environments.at(1), {{"MELTANO__PYTHON_VERSION", "3.11"}, {"ROOT", "r"}});

  const auto words = shell_words(variables::expand(environments.at(1).pip_url, values).text);

  EXPECT_THAT(*words,
              testing::ElementsAre("tap-a==2", "r", "tap-d", "dev", "pe-r", "3.11", "tap_d"));
}

TEST(RequirementsTest, FingerprintsAreThoseOfOfficialMeltano) {
  EXPECT_EQ(*fingerprint("b a a", ""),
            "c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65");
  EXPECT_EQ(*fingerprint("tap-a==1", "/usr/bin/python3"),
            "740f930caa826ddb9941307d788fb7a5b433a743c2989c2ff9507d239a1cc835");
  EXPECT_EQ(*fingerprint("", ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(*fingerprint("é z -e '. [x]'", ""),
            "977d97b5fd74f24591656f08184c21be314bb99282e6eb8ac008a6001fbbdf5a");
  EXPECT_FALSE(fingerprint("\"a", ""));
}

TEST(ShellWordsTest, WordsAreThoseOfShlex) {
  const auto split = [](std::string_view text) { return *shell_words(text); };

  EXPECT_THAT(split("a b  c"), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(split("'a b' c"), testing::ElementsAre("a b", "c"));
  EXPECT_THAT(split(R"("a \"b\" \n")"), testing::ElementsAre(R"(a "b" \n)"));
  EXPECT_THAT(split(R"(a\ b)"), testing::ElementsAre("a b"));
  EXPECT_THAT(split("''"), testing::ElementsAre(""));
  EXPECT_THAT(split("a'b'c"), testing::ElementsAre("abc"));
  EXPECT_THAT(split("a # b"), testing::ElementsAre("a", "#", "b"));
  EXPECT_THAT(split(R"('a\')"), testing::ElementsAre(R"(a\)"));
  EXPECT_FALSE(shell_words("\"a"));
  EXPECT_FALSE(shell_words("a\\"));
}

}  // namespace
}  // namespace cupola::meltano
