#include "base/text.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/secret.h"

namespace cupola {
namespace {

TEST(TextTest, WhatCouldSteerATerminalIsShownAsNumbers) {
  EXPECT_EQ(printable("plain\ttext\n"), "plain\ttext\n");
  EXPECT_EQ(printable("\x1b[2J\r\x07"), "\\x1b[2J\\x0d\\x07");
  EXPECT_EQ(printable("a\xff\xc3\xa4"), "a\xef\xbf\xbd\xc3\xa4");
}

TEST(TextTest, QuotesAreOneLineAndCut) {
  EXPECT_EQ(cupola::quoted("a\nb"), "'a\\nb'");
  EXPECT_EQ(cupola::quoted(std::string(200, 'x'), 3), "'xxx…'");
}

TEST(JsonTest, CanBeSaidInAsciiAlone) {
  const json::object object{{"a", "Größe \"x\"\n"}, {"b", {"日", "𝄞"}}};

  const std::string ascii = ascii_json(object);

  EXPECT_EQ(ascii, R"({"a":"Gr\u00f6\u00dfe \"x\"\n","b":["\u65e5","\ud834\udd1e"]})");
  EXPECT_EQ(*parse_json(ascii), json::value(object));
}

TEST(TextTest, WellFormedUtf8IsWhatRfc3629Says) {
  EXPECT_TRUE(is_utf8("ä€𝄞"));
  for (const char* text : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(TextTest, SlugsHoldOnlyLettersDigitsAndSingleDashes) {
  EXPECT_EQ(slug("Acme Data (EU)"), "acme-data-eu");
  EXPECT_EQ(slug("--a__b--"), "a-b");
  EXPECT_EQ(slug("***"), "");
}

TEST(TextTest, WhatSteersATerminalIsShownNotObeyed) {
  EXPECT_EQ(printable("a\x1b[2J\x7f\r\xc2\x9b"
                      "31m"),
            "a\\x1b[2J\\x7f\\x0d\\u009b31m");
  EXPECT_EQ(printable("\u202Egnp.exe\u2066\u061C\u2028"), "\\u202egnp.exe\\u2066\\u061c\\u2028");
  EXPECT_EQ(printable("é–…\u00a0\U0001F600\u2060"), "é–…\u00a0\U0001F600\u2060");
  EXPECT_EQ(printable(std::string("\0\xff\xc2", 3)), "\\x00\xef\xbf\xbd\xef\xbf\xbd");
}

// RFC 4648, section 10.
TEST(Base64Test, IsThatOfTheStandard) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64(std::string_view("\0\xff\xfe", 3)), "AP/+");
}

TEST(TextTest, EqualInConstantTimeIsStillEqual) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(TextTest, JsonThatNestsTooDeepIsRefusedNotFollowed) {
  EXPECT_FALSE(parse_json(std::string(100000, '[')));
  EXPECT_EQ(parse_json("{\"a\": }").error().kind, Error::Kind::malformed);
  EXPECT_EQ(json_text("a\xff"), "a\xef\xbf\xbd");
}

TEST(TextTest, AMovedSecretIsGoneWhereItWas) {
  Secret first("open sesame");
  const Secret second = std::move(first);

  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(second.reveal(), "open sesame");
}

TEST(TextTest, ShortenedBetweenCharacters) {
  EXPECT_EQ(shortened("short", 10), "short");
  EXPECT_EQ(shortened("üüüüü", 8), "üü…");
  EXPECT_TRUE(is_utf8(shortened("aüüüüüü", 9)));
}

}  // namespace
}  // namespace cupola
