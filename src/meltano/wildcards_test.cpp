#include "meltano/wildcards.h"

#include <gtest/gtest.h>

namespace cupola::meltano {
namespace {

TEST(WildcardsTest, NamesMatchAsInPython) {
  EXPECT_TRUE(matches("*.yml", "a.yml"));
  EXPECT_TRUE(matches("*", ".hidden"));
  EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(matches("?[a-c][!x]", "zby"));
  EXPECT_TRUE(matches("[", "["));
  EXPECT_FALSE(matches("*.yml", "a.yaml"));
  EXPECT_FALSE(matches("?[!x]", "ax"));
  EXPECT_FALSE(matches("a*b", "a"));
  EXPECT_FALSE(matches("[]-a]", "b"));
}

TEST(WildcardsTest, HostilePatternsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";

  EXPECT_FALSE(matches(pattern + "b", std::string(255, 'a')));
}

TEST(WildcardsTest, PatternsThatLeadElsewhereAreRefused) {
  for (const char* pattern : {"/etc/*", "../x", "a/../../x", "", ".", "a**/x"}) {
    EXPECT_FALSE(find_files("/", pattern)) << pattern;
  }
}

}  // namespace
}  // namespace cupola::meltano
