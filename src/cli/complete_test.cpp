#include "cli/complete.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.h"

namespace cupola::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class CompleteTest : public ::testing::Test {
 protected:
  CompleteTest() { add_commands(root_, context_); }
  std::vector<std::string> words(const std::vector<std::string>& given) {
    return complete(root_, given);
  }

  CLI::App root_{"", "cupola"};
  Context context_;
};

TEST_F(CompleteTest, GivesCommandsAsFarAsTheyBeginLikeTheWord) {
  EXPECT_THAT(words({"st"}), ElementsAre("state", "stop"));
  EXPECT_THAT(words({"schedule", ""}), ElementsAre("disable", "enable", "list", "set", "show"));
  EXPECT_THAT(words({""}), Not(Contains("__complete")));
}

TEST_F(CompleteTest, GivesTheOptionsOfTheCommand) {
  EXPECT_THAT(words({"run", "load", "--fo"}), ElementsAre("--follow", "--format"));
  EXPECT_THAT(words({"deployment", "create", "--w"}), ElementsAre("--wait"));
}

TEST_F(CompleteTest, GivesTheValuesOfAnOption) {
  EXPECT_THAT(words({"history", "--format", ""}), ElementsAre("json", "markdown", "table"));
  EXPECT_THAT(words({"history", "--status", "s"}),
              ElementsAre("skipped", "starting", "stopping", "succeeded"));
}

TEST_F(CompleteTest, AnOptionsValueIsNoCommand) {
  EXPECT_THAT(words({"history", "--project", "list", "--li"}), ElementsAre("--limit"));
  EXPECT_THAT(words({"history", "--project", ""}), IsEmpty());
}

}  // namespace
}  // namespace cupola::cli
