#include "meltano/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cupola::meltano::yaml {
namespace {

std::string serialized(std::string_view text) {
  const Document document = parse(text, 0);
  if (!document.problems.empty()) return "refused: " + document.problems.front().message;
  return document.root ? json::serialize(to_json(*document.root)) : "nothing";
}

struct Case {
  std::string_view written;
  std::string_view json;
};

// Found with ruamel.yaml 0.19.1, the reader of official Meltano 4.4.1.
TEST(YamlTest, PlainScalarsAreReadAsOfficialMeltanoReadsThem) {
  const std::vector<Case> cases = {
      {"no", R"("no")"},
      {"yes", R"("yes")"},
      {"on", R"("on")"},
      {"TRUE", "true"},
      {"tRue", R"("tRue")"},
      {"0010", "10"},
      {"08", "8"},
      {"0o17", "15"},
      {"0o8", R"("0o8")"},
      {"0x1F", "31"},
      {"0b11", "3"},
      {"1_000", "1000"},
      {"_1", R"("_1")"},
      {"+12", "12"},
      {"12:30:45", R"("12:30:45")"},
      {"1.0", "1E0"},
      {"5.", "5E0"},
      {".5", "5E-1"},
      {".5e3", R"(".5e3")"},
      {".5e+3", "5E2"},
      {"12e03", "1.2E4"},
      {"685_230.15", "6.8523015E5"},
      {"1.2.3", R"("1.2.3")"},
      {"~", "null"},
      {"", "null"},
      {"2021-01-01", R"({"$date":"2021-01-01"})"},
      {"2021-1-1", R"("2021-1-1")"},
      {"2021-01-01 00:00:00", R"({"$timestamp":"2021-01-01T00:00:00"})"},
      {"2021-01-01T00:00:00Z", R"({"$timestamp":"2021-01-01T00:00:00+00:00"})"},
      {"2021-01-01 1:02:03.123456789 +1", R"({"$timestamp":"2021-01-01T01:02:03.123457+01:00"})"},
      {"=", R"("=")"},
      {"x#c", R"("x#c")"},
      {"x #c", R"("x")"},
      {":b", R"(":b")"},
      {"http://x:1/", R"("http://x:1/")"},
      {"'it''s'", R"("it's")"},
      {R"("a\/b\n")", R"("a/b\n")"},
      {"[a:b, -]", R"(["a:b","-"])"},
      {"{a: 1, 'b':2, c}", R"({"a":1,"b":2,"c":null})"},
      {"{{ x }}", R"({"{x: None}":null})"},
      {"&x {b: 1}", R"({"b":1})"},
  };

  for (const Case& example : cases) {
    const std::string found = serialized("a: " + std::string(example.written));
    EXPECT_EQ(found, R"({"a":)" + std::string(example.json) + "}") << example.written;
  }
}

TEST(YamlTest, DatesThatNoCalendarHasAreRefused) {
  EXPECT_THAT(serialized("a: 2021-13-01"), testing::StartsWith("refused: '2021-13-01' looks like"));
  EXPECT_THAT(serialized("a: 2021-01-01T25:00:00"), testing::StartsWith("refused"));
}

TEST(YamlTest, MergesGiveWayToOwnKeys) {
  EXPECT_EQ(serialized("a: &x {b: 1, d: 3}\nc:\n  <<: *x\n  b: 2\n"),
            R"({"a":{"b":1,"d":3},"c":{"b":2,"d":3}})");
  EXPECT_EQ(serialized("c:\n  <<: [{b: 1}, {b: 2, e: 4}]\n"), R"({"c":{"b":1,"e":4}})");
  EXPECT_THAT(serialized("<<: 5"), testing::HasSubstr("merges mappings"));
}

TEST(YamlTest, PythonTextOfValues) {
  const Document document = parse("[1.50, true, null, 'it''s', a, {b: 0010}, 1e20]", 0);

  ASSERT_TRUE(document.root);
  EXPECT_EQ(to_python_text(*document.root), R"([1.5, True, None, "it's", 'a', {'b': 10}, 1e+20])");
}

struct Refusal {
  std::string_view text;
  std::uint32_t line;
  std::uint32_t column;
};

// Each is refused by official Meltano 4.4.1 as well, at the same line.
TEST(YamlTest, MistakesAreFoundWhereTheyStand) {
  const std::vector<Refusal> cases = {
      {"a: 1\nb: x: y\n", 2, 5},
      {"a:\n  - b\n c: d\n", 3, 2},
      {"a: b\n b: 2\n", 2, 3},
      {"a: @x\n", 1, 4},
      {"a: %x\n", 1, 4},
      {"a: `x\n", 1, 4},
      {"{% if x %}\n", 1, 2},
      {"a: *.csv\n", 1, 5},
      {"a:\tb\n", 1, 3},
      {"a: b\n\tc: d\n", 2, 1},
      {"a: b \t\nc: d\n", 1, 6},
      {"-\ta\n", 1, 2},
      {"a: x\ty\n", 1, 5},
      {"a: [b,,c]\n", 1, 7},
      {"a: 1\nb: 2\na: 3\n", 3, 1},
      {"1: a\n1.0: b\n", 2, 1},
      {"a: {b: 1, b: 2}\n", 1, 11},
      {"a: 1\n---\nb: 2\n", 2, 1},
      {"a: \"\\z\"\n", 1, 5},
      {"a: x\ny\nb: c\n", 2, 1},
  };

  for (const Refusal& example : cases) {
    const Document document = parse(example.text, 0);
    ASSERT_FALSE(document.problems.empty()) << example.text;
    EXPECT_EQ(document.problems.front().mark.line, example.line)
        << example.text << document.problems.front().message;
    EXPECT_EQ(document.problems.front().mark.column, example.column)
        << example.text << document.problems.front().message;
    EXPECT_FALSE(document.problems.front().hint.empty());
  }
}

TEST(YamlTest, TabsInQuotesBlocksAndCommentsAreNoMistake) {
  EXPECT_EQ(serialized("a: 'x\ty' # tab\there\nb: |\n  x\ty\n"), R"({"a":"x\ty","b":"x\ty\n"})");
}

TEST(YamlTest, ReadingGoesOnAfterAMistake) {
  const Document document = parse(
      "plugins:\n  extractors: x: y\njobs:\n- name: a\nschedules:\n- name: 'x' y\nenv:\n  A: @b\n",
      0);

  std::vector<std::uint32_t> lines;
  for (const Problem& problem : document.problems) lines.push_back(problem.mark.line);
  EXPECT_THAT(lines, testing::ElementsAre(2, 6, 8));
  EXPECT_FALSE(document.whole);
  ASSERT_TRUE(document.root);
  EXPECT_NE(document.root->find("jobs"), nullptr);
}

TEST(YamlTest, WhatIsNoTextIsRefused) {
  EXPECT_EQ(serialized("a: \xff\xfe"), "refused: This is not UTF-8 text.");
  EXPECT_THAT(serialized("a: \x07"), testing::HasSubstr("control characters"));
  EXPECT_THAT(serialized(std::string_view("a: \0b", 5)), testing::StartsWith("refused"));
  EXPECT_EQ(serialized("\xef\xbb\xbf"
                       "a: 1\r\nb: 2\r\n"),
            R"({"a":1,"b":2})");
  EXPECT_EQ(serialized("# only a comment\n"), "nothing");
}

}  // namespace
}  // namespace cupola::meltano::yaml
