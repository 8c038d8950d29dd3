#include "store/columns.h"

#include <gtest/gtest.h>

namespace cupola::store {
namespace {

TEST(ColumnsTest, TextsComeBackAsTheyWent) {
  const std::vector<std::vector<std::string>> lists = {
      {},           {""},        {"a"},       {"a", "b c", "ü"}, {",", "[", "]", "{}"},
      {"\"", "\\"}, {"a\nb\tc"}, {"\"],[\""}, {"", ""},          {"\x01", "\x7f"}};
  for (const auto& texts : lists) {
    EXPECT_EQ(texts_from(to_column(texts)), texts) << to_column(texts);
  }
}

TEST(ColumnsTest, WhatIsNoListOfTextsIsAFailure) {
  for (const char* column : {"", "[", "{}", "[\"a\"", "[\"a\",]", "[\"a\" \"b\"]", "null", "x"}) {
    EXPECT_THROW(texts_from(column), Failure) << column;
  }
  EXPECT_EQ(texts_from("[ \"a\" , \"b\" ]"), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace cupola::store
