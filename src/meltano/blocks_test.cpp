#include "meltano/blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meltano/read.h"
#include "meltano/schedule_command.h"

namespace cupola::meltano {
namespace {

Project project_of(std::string_view text) {
  Report report;
  const auto document = yaml::parse(text, report.add_file("meltano.yml"));
  return read_project(*document.root, report);
}

const std::string_view shop = R"(
env: {ROOT: r}
environments:
- name: dev
  state_id_suffix: "${ROOT}-$MELTANO_ENVIRONMENT-${OWN}-\\$X-$lower"
  env: {OWN: own}
- name: prod
plugins:
  extractors: [{name: tap-a, namespace: a}, {name: tap-b, inherit_from: tap-a}, {name: tap-both, namespace: b}]
  loaders: [{name: target-x, namespace: x}]
  mappers:
  - {name: mapper, namespace: m, mappings: [{name: hide}, {name: both}]}
  - {name: other, namespace: o, mappings: [{name: both}]}
  utilities: [{name: dbt, namespace: dbt, commands: {run: run, test: test}}]
jobs:
- {name: daily, tasks: [tap-a hide target-x, 'dbt:run']}
- {name: nested, tasks: [daily]}
- {name: lists, tasks: [[tap-a, target-x], [[tap-b target-x]]]}
- {name: tap-both, tasks: [tap-both target-x]}
schedules:
- {name: s, interval: '@daily', job: daily}
- {name: old, interval: '@once', extractor: tap-a, loader: target-x, transform: run}
- {name: gone, interval: '@once', job: nothing}
)";

std::string why(std::string_view text, const std::vector<std::string>& words) {
  const auto blocks = expand(project_of(text), words);
  return blocks ? "accepted" : blocks.error().message + " " + blocks.error().hint;
}

TEST(BlocksTest, JobsAreExpandedAndSplitIntoBlocks) {
  const auto blocks = expand(project_of(shop), {"daily", "tap-b", "target-x", "dbt"});

  ASSERT_TRUE(blocks);
  ASSERT_EQ(blocks->size(), 4U);
  EXPECT_EQ(blocks->at(0).extractor, "tap-a");
  EXPECT_THAT(blocks->at(0).mappings, testing::ElementsAre("hide"));
  EXPECT_EQ(blocks->at(0).loader, "target-x");
  EXPECT_EQ(blocks->at(1).kind, Block::Kind::command);
  EXPECT_EQ(blocks->at(1).command, "run");
  EXPECT_EQ(blocks->at(2).extractor, "tap-b");
  EXPECT_EQ(blocks->at(3).plugin, "dbt");
  EXPECT_EQ(blocks->at(3).command, "");
  EXPECT_EQ(expand(project_of(shop), {"lists"})->size(), 2U);
}

TEST(BlocksTest, WhatCannotRunIsRefusedWithTheWord) {
  EXPECT_THAT(why(shop, {"tap-c", "target-x"}), testing::StartsWith("'tap-c' names no plugin"));
  EXPECT_THAT(why(shop, {"targte-x"}), testing::EndsWith("Did you mean 'target-x'?"));
  EXPECT_THAT(why(shop, {"nested"}), testing::HasSubstr("Jobs cannot call jobs"));
  EXPECT_THAT(why(shop, {"tap-both"}), testing::HasSubstr("name of a job and of a plugin"));
  EXPECT_THAT(why(shop, {"tap-a"}), testing::HasSubstr("has no loader"));
  EXPECT_THAT(why(shop, {"target-x"}), testing::HasSubstr("without an extractor"));
  EXPECT_THAT(why(shop, {"tap-a", "dbt:run"}), testing::HasSubstr("a mapping or a loader"));
  EXPECT_THAT(why(shop, {"tap-a", "mapper", "target-x"}), testing::HasSubstr("hide, both"));
  EXPECT_THAT(why(shop, {"tap-a", "both", "target-x"}),
              testing::HasSubstr("More than one mapping"));
  EXPECT_THAT(why(shop, {"dbt:build"}), testing::HasSubstr("It has run, test."));
  EXPECT_THAT(why(shop, {"--help"}), testing::HasSubstr("is an option"));
  EXPECT_THAT(why(shop, {"a:b:c"}), testing::StartsWith("'a:b:c' names no plugin"));
}

// The first two came out of official Meltano 4.4.1 for this project.
TEST(BlocksTest, StateIdsHaveTheEnvironmentAndItsSuffix) {
  const Project project = project_of(shop);
  const auto blocks = expand(project, {"lists", "lists"});
  ASSERT_TRUE(blocks);

  EXPECT_THAT(state_ids(project, "dev", *blocks, "", {{"ROOT", "shell"}}),
              testing::ElementsAre("dev:tap-a-to-target-x:r-dev---$lower",
                                   "dev:tap-b-to-target-x:r-dev---$lower"));
  EXPECT_THAT(state_ids(project, "prod", *blocks, "", {}),
              testing::ElementsAre("prod:tap-a-to-target-x", "prod:tap-b-to-target-x"));
  EXPECT_THAT(state_ids(project, "dev", *blocks, "given-$ROOT", {}),
              testing::Contains("dev:tap-a-to-target-x:given-$ROOT"));
}

TEST(BlocksTest, SchedulesRunAJobOrTheOlderForm) {
  const Project project = project_of(shop);
  const Schedule& older = *project.find_schedule("old");

  EXPECT_THAT(command_of(*project.find_schedule("s")), testing::ElementsAre("run", "daily"));
  EXPECT_THAT(command_of(older), testing::ElementsAre("elt", "tap-a", "target-x", "--transform=run",
                                                      "--state-id=old"));
  EXPECT_THAT(*state_ids_of(project, "dev", older, "suffix", {}), testing::ElementsAre("old"));
  EXPECT_THAT(*state_ids_of(project, "prod", *project.find_schedule("s"), "", {}),
              testing::ElementsAre("prod:tap-a-to-target-x"));
  EXPECT_FALSE(state_ids_of(project, "dev", *project.find_schedule("gone"), "", {}));
}

}  // namespace
}  // namespace cupola::meltano
