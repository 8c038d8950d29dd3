#include "http/target.h"

#include <gtest/gtest.h>

namespace cupola::http {
namespace {

TEST(TargetTest, DecodesEachSegmentOnce) {
  const Result<Target> target = parse_target("/api/v1/states/prod%3Atap%2Fx%2520y?a=1+2&b=%2B&c");

  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"api", "v1", "states", "prod:tap/x%20y"}));
  EXPECT_EQ(target->path, "/api/v1/states/prod%3Atap%2Fx%2520y");
  const std::vector<std::pair<std::string, std::string>> query{{"a", "1 2"}, {"b", "+"}, {"c", ""}};
  EXPECT_EQ(target->query, query);
}

TEST(TargetTest, ReadsTheAbsoluteForm) {
  EXPECT_EQ(parse_target("http://cupola.example:80/healthz?x=/")->path, "/healthz");
  EXPECT_EQ(parse_target("http://cupola.example")->path, "/");
  EXPECT_TRUE(parse_target("/")->segments.empty());
}

TEST(TargetTest, RefusesWhatMayLeadAstray) {
  const std::string long_path = "/" + std::string(9000, 'a');
  std::string many = "/?";
  for (int i = 0; i < 101; ++i) many += "a=1&";
  for (const std::string& text :
       {std::string("/a/../b"), std::string("/a/%2e%2E/b"), std::string("/./a"),
        std::string("/a%00b"), std::string("/a%0"), std::string("/a%zz"), std::string("/%ff"),
        std::string("/?q=%00"), std::string("/?q=%c3"), std::string("relative"), std::string("*"),
        std::string(""), long_path, many}) {
    const Result<Target> target = parse_target(text);

    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().kind, Error::Kind::malformed);
  }
}

}  // namespace
}  // namespace cupola::http
