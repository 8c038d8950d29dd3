#include "runner/glob.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace cupola::runner {
namespace {

TEST(GlobTest, NamesFilesAndWhatLiesInFoldersThatItNames) {
  struct Case {
    const char* glob;
    const char* path;
    bool matches;
  };
  const Case cases[] = {
      {"target/manifest.json", "target/manifest.json", true},
      {"target/manifest.json", "target/manifest_json", false},
      {"target/*.json", "target/run_results.json", true},
      {"target/*.json", "target/deep/run_results.json", false},
      {"target/*.json", "target/run_results.json.bak", false},
      {"*.json", "target/a.json", false},
      {"**/*.json", "target/deep/a.json", true},
      {"**/*.json", "a.json", true},
      {"target/**", "target/deep/a", true},
      {"target/**/a", "target/a", true},
      {"target/**/a", "target/b/c/a", true},
      {"target/**/a", "target/b/c/ab", false},
      {"target", "target/deep/a", true},
      {"target", "targets/a", false},
      {"t?rget/a", "target/a", true},
      {"t?rget", "trget", false},
      {"*", "anything", true},
      {"a*b*c", "a1b2b3c", true},
      {"a*b*c", "a1b2b3", false},
      {"[a]", "a", false},
      {"", "a", false},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(matches_glob(one.glob, one.path), one.matches) << one.glob << " " << one.path;
  }
}

TEST(GlobTest, ManyStarsTakeNoTime) {
  std::string glob;
  for (int i = 0; i < 100; ++i) glob += "**/*a*a*a*/";
  glob += "b";
  std::string path;
  for (int i = 0; i < 100; ++i) path += "aaaaaaaa/";
  path += "c";

  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(matches_glob(glob, path));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{1});
}

}  // namespace
}  // namespace cupola::runner
