#include "http/form.h"

#include <gtest/gtest.h>

namespace cupola::http {
namespace {

constexpr const char* type = "multipart/form-data; boundary=\"b-1\"";

TEST(FormTest, NamesAndValuesAreDecoded) {
  const auto form = parse_form("a=1&b=x+y%26%C3%A4&c");

  ASSERT_TRUE(form);
  ASSERT_EQ(form->size(), 3U);
  EXPECT_EQ((*form)[1].second, "x y&ä");
  EXPECT_EQ((*form)[2].second, "");
  for (const char* bad : {"a=%", "a=%zz", "a=%00", "a=%ff"}) EXPECT_FALSE(parse_form(bad)) << bad;
}

TEST(FormTest, APartIsFoundByItsName) {
  const std::string body =
      "--b-1\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nvalue\r\n"
      "--b-1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"state.json\"\r\n"
      "Content-Type: application/json\r\n\r\n{\"a\":\"\r\n--b\"}\r\n--b-1--\r\n";

  EXPECT_EQ(part_of_form(type, body, "key"), "value");
  EXPECT_EQ(part_of_form(type, body, "file"), "{\"a\":\"\r\n--b\"}");
  EXPECT_FALSE(part_of_form(type, body, "state.json"));
}

TEST(FormTest, WhatIsNoFormHasNoParts) {
  const std::string body =
      "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b-1--";
  for (const char* other : {"", "application/json", "multipart/form-data",
                            "text/plain; boundary=b-1", "multipart/form-data; boundary=c"}) {
    EXPECT_FALSE(part_of_form(other, body, "a")) << other;
  }
  for (const std::string& cut : {std::string(), std::string("--b-1"), std::string("--b-1\r\n"),
                                 body.substr(0, 40), "x" + body, body.substr(0, body.size() - 8)}) {
    EXPECT_FALSE(part_of_form(type, cut, "a")) << cut;
  }
}

}  // namespace
}  // namespace cupola::http
