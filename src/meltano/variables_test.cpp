#include "meltano/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cupola::meltano::variables {
namespace {

// The results are those of official Meltano 4.4.1 for the same variables.
TEST(VariablesTest, ExpansionIsThatOfOfficialMeltano) {
  const Values values = {{"A", "1"}, {"lower", "l"}, {"B", "$A"},
                         {"E", ""},  {"Ü", "u"},     {"A1_", "x"}};
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"$A", "1"},
      {"${A}", "1"},
      {"$lower", "$lower"},
      {"${lower}", "l"},
      {"\\$A", "$A"},
      {"\\${A}", "${A}"},
      {"$B", "$A"},
      {"$A1_b", "xb"},
      {"$AB", ""},
      {"$$A", "$1"},
      {"${A-x}", "${A-x}"},
      {"${}", "${}"},
      {"$", "$"},
      {"a$", "a$"},
      {"${A", "${A"},
      {"$E|${N}|$N", "||"},
      {"${Ü}", "u"},
      {"$_A", "$_A"},
      {"$9", "$9"},
      {"\\\\$A", "\\$A"},
      {"$A$A", "11"},
      {"${A}${lower}", "1l"},
      {"\\$lower", "\\$lower"},
      {"${a b}", "${a b}"},
      {"{$A}", "{1}"},
      {"$A.x", "1.x"},
      {"$A-B", "1-B"},
  };

  for (const auto& [text, expected] : cases) EXPECT_EQ(expand(text, values).text, expected) << text;
}

TEST(VariablesTest, UsedAndUnsetVariablesAreNamed) {
  const Expanded expanded = expand(std::string_view("$A ${B} $A \\$C"), {{"A", "1"}});

  EXPECT_THAT(expanded.used, testing::ElementsAre("A", "B"));
  EXPECT_THAT(expanded.unset, testing::ElementsAre("B"));
  EXPECT_THAT(used("${x} $Y"), testing::ElementsAre("x", "Y"));
}

TEST(VariablesTest, ValuesInListsAndMappingsAreExpanded) {
  const json::value value = json::parse(R"({"$A": ["${A}", {"x": "a$A"}], "n": 5})");

  EXPECT_EQ(expand_all(value, {{"A", "1"}}), json::parse(R"({"$A": ["1", {"x": "a1"}], "n": 5})"));
}

}  // namespace
}  // namespace cupola::meltano::variables
