#include "base/json_diff.h"

#include <gmock/gmock.h>

namespace cupola {
namespace {

std::string shown(std::string_view before, std::string_view after, std::size_t most = 100) {
  std::string text;
  for (const JsonChange& change : diff_json(*parse_json(before), *parse_json(after), most)) {
    const auto side = [](const std::optional<json::value>& value) {
      return value ? json::serialize(*value) : std::string("-");
    };
    text += change.path + " " + side(change.from) + " " + side(change.to) + "\n";
  }
  return text;
}

TEST(JsonDiff, NamesEachLeafThatDiffers) {
  EXPECT_EQ(
      shown(R"({"a":1,"b":{"x":1,"y":2},"gone":null})", R"({"b":{"y":3,"x":1},"a":1,"new":[]})"),
      "/b/y 2 3\n/gone null -\n/new - []\n");
  EXPECT_EQ(shown(R"({"a":1,"b":2})", R"({"b":2,"a":1})"), "");
  EXPECT_EQ(shown("[1,2,3]", "[1,4]"), "/1 2 4\n/2 3 -\n");
  EXPECT_EQ(shown("{}", "[]"), " {} []\n");
}

TEST(JsonDiff, EscapesKeysAsPointersDo) {
  EXPECT_EQ(shown(R"({"a/b~c":1})", R"({"a/b~c":2})"), "/a~1b~0c 1 2\n");
}

TEST(JsonDiff, EndsAtTheLimit) {
  EXPECT_EQ(shown("[1,2,3]", "[4,5,6]", 2), "/0 1 4\n/1 2 5\n");
}

}  // namespace
}  // namespace cupola
