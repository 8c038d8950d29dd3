#include "cron/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cupola::cron {
namespace {

using testing::HasSubstr;

Expression parsed(std::string_view text) {
  const auto expression = Expression::parse(text);
  EXPECT_TRUE(expression) << text << ": " << to_text(expression.error());
  return expression ? *expression : Expression::parse("@none").value();
}

TEST(Expression, KeepsItsTextAsWrittenWithoutSpaceAround) {
  EXPECT_EQ(parsed("  0 6 * * mon \n").text(), "0 6 * * mon");
}

TEST(Expression, NamesWithoutClockFireNever) {
  for (const auto* name : {"@once", "@manual", "@none", "@Manual"})
    EXPECT_FALSE(parsed(name).has_clock()) << name;
  EXPECT_TRUE(parsed("@daily").has_clock());
}

struct Pair {
  const char* left;
  const char* right;
};

TEST(Expression, WhatFiresAtTheSameInstantsIsEqual) {
  const Pair equal[] = {{"@hourly", "0 * * * *"},
                        {"@daily", "0 0 * * *"},
                        {"@midnight", "@daily"},
                        {"@weekly", "0 0 * * 0"},
                        {"@weekly", "0 0 * * SUN"},
                        {"0 0 * * 7", "0 0 ? * 0"},
                        {"@monthly", "0 0 1 * *"},
                        {"@yearly", "0 0 1 jan *"},
                        {"@annually", "@yearly"},
                        {"@once", "@manual"},
                        {"*/15 * * * *", "*/15 */1 * * *"},
                        {"5,10 3 * * *", "10,05 3 * * *"},
                        {"0/20 4 * * *", "0,20,40 4 * * *"},
                        {"0 0 * * 1-5", "0 0 * * MON,TUE,WED,THU,FRI"},
                        {"0 0 * * 1", "0 0 ? * MON#1,MON#2,MON#3,MON#4,1#5"},
                        {"0 0 * * 5-7", "0 0 * * 0,5,6"},
                        {"0 0 L 2 *", "0 0 L feb ?"},
                        {"0 0 1-31 * 1", "0 0 * * *"},
                        {"0 0 31 4,5 *", "0 0 31 5 *"}};
  for (const auto& [left, right] : equal)
    EXPECT_EQ(parsed(left), parsed(right)) << left << " | " << right;
}

TEST(Expression, WhatFiresAtOtherInstantsIsNot) {
  const Pair different[] = {{"0 0 * * 0", "0 0 * * 1"},
                            {"0 0 1 * 1", "0 0 1 * *"},
                            {"0 0 */2 * 1", "0 0 1-31/2 * 1"},
                            {"0 0 L * *", "0 0 31 * *"},
                            {"0 0 L * *", "0 0 LW * *"},
                            {"0 0 * * 5L", "0 0 * * 5#4"},
                            {"@once", "@daily"},
                            {"0 * * * *", "0 0-23 * * *"},
                            {"0 0 29 2 *", "0 0 L 2 *"},
                            {"5-5/2 * * * *", "5 * * * *"}};
  for (const auto& [left, right] : different)
    EXPECT_FALSE(parsed(left) == parsed(right)) << left << " | " << right;
}

TEST(Expression, IsDescribedInEnglish) {
  const Pair cases[] = {
      {"*/15 * * * *", "every 15 minutes"},
      {"* * * * *", "every minute"},
      {"0,30 * * * *", "every 30 minutes"},
      {"@hourly", "every hour"},
      {"5 3 * * *", "at 03:05 every day"},
      {"0 0,5 * * *", "at 00:00 and 05:00 every day"},
      {"0 0 1 * *", "at 00:00 on day 1 of each month"},
      {"0 20 1,15 * *", "at 20:00 on days 1 and 15 of each month"},
      {"0 17 L * *", "at 17:00 on the last day of each month"},
      {"0 6 LW * *", "at 06:00 on the last weekday (Monday to Friday) of each month"},
      {"0 0 29 2 *", "at 00:00 on day 29 of February"},
      {"@weekly", "at 00:00 on Sunday"},
      {"@yearly", "at 00:00 on day 1 of January"},
      {"0 12 * * 1,3,5", "at 12:00 on Monday, Wednesday and Friday"},
      {"0 8 * * MON-FRI", "at 08:00 every day from Monday to Friday"},
      {"*/5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59 every day from Monday to Friday"},
      {"0 */8 * * *", "every 8 hours"},
      {"15 */2 * * *", "every 2 hours at minute 15"},
      {"*/10 */2 * * *", "every 10 minutes of every 2nd hour"},
      {"5 * * 1 *", "at minute 5 of every hour in January"},
      {"7,9,11 1,3,5,7 * * *", "at minutes 7, 9 and 11 in hours 1, 3, 5 and 7 every day"},
      {"*/25 * * * *", "at minutes 0, 25 and 50 of every hour"},
      {"0 6 * 1-3 5#2", "at 06:00 on the second Friday of the month from January to March"},
      {"0 6 * * 5L", "at 06:00 on the last Friday of the month"},
      {"0 0 13 * FRI", "at 00:00 on day 13 of each month and on every Friday"},
      {"0 0 1 7 1-5", "at 00:00 on day 1 of July and on every day from Monday to Friday in July"},
      {"0 0 */10 * MON", "at 00:00 on days 1, 11, 21 and 31 of each month, if that is a Monday"},
      {"@manual", "only when started by hand"}};
  for (const auto& [text, words] : cases) EXPECT_EQ(parsed(text).describe(), words) << text;
}

struct Refusal {
  const char* text;
  const char* message;  ///< after "The cron expression '...' cannot be used: "
  const char* hint;     ///< a part of it
};

TEST(Expression, RefusalsNameFieldTextRangeAndRemedy) {
  const Refusal cases[] = {
      {"61 * * * *", "minute '61' is outside 0-59.", "*/15"},
      {"0 24 * * *", "hour '24' is outside 0-23.", "9-17"},
      {"0 0 0 * *", "day-of-month '0' is outside 1-31 or L.", "L for the last day"},
      {"0 0 1,32 * *", "day-of-month '32' is outside 1-31 or L (in '1,32').", "1,15"},
      {"0 0 * 13 *", "month '13' is outside 1-12 or JAN-DEC.", "JUN"},
      {"0 0 * * 8", "day-of-week '8' is outside 0-7 or SUN-SAT.", "MON-FRI"},
      {"99999999999999999999 * * * *", "minute '99999999999999999999' is outside 0-59.", "minute"},
      {"a * * * *", "minute 'a' cannot be read; 0-59 is allowed.", "Write a minute"},
      {"0 0 * February *", "month 'February' cannot be read; 1-12 or JAN-DEC is allowed.", "JUN"},
      {"0 0 * mon *", "month 'mon' cannot be read; 1-12 or JAN-DEC is allowed.", "JUN"},
      {"*/0 * * * *",
       "minute '*/0' has the step '0'; a step is a whole number from 1, within 0-59.", "*/2"},
      {"*/x * * * *",
       "minute '*/x' has the step 'x'; a step is a whole number from 1, within 0-59.", "*/2"},
      {"/5 * * * *", "minute '/5' has nothing before the slash; * or 0-59 is allowed.", "*/5"},
      {"1,,2 * * * *", "minute '1,,2' has an empty place; 0-59 is allowed.", "comma"},
      {"0 22-3 * * *",
       "hour '22-3' runs backwards; within 0-23, a range begins with its smaller value.",
       "22-23,0-3"},
      {"0 0 * * fri-sun",
       "day-of-week 'fri-sun' runs backwards; within 0-7 or SUN-SAT, a range begins with its "
       "smaller value.",
       "write fri-7"},
      {"1- * * * *", "minute '1-' is a range without an end; 0-59 is allowed.", "Write a minute"},
      {"-1 * * * *", "minute '-1' is a range without a start; 0-59 is allowed.", "Write a minute"},
      {"0 0 * * L", "day-of-week 'L' is neither in 0-7 or SUN-SAT nor a number with L after it.",
       "third field"},
      {"0 0 * * 5#6",
       "day-of-week '5#6' names no week after the #; a day in 0-7 or SUN-SAT, then #1-#5 is "
       "allowed.",
       "FRI#2"},
      {"0 0 L-3 * *", "day-of-month 'L' cannot be read; 1-31 or L is allowed (in 'L-3').",
       "last day"},
      {"? * * * *", "minute '?' cannot be read; 0-59 is allowed.", "Write *"},
      {"0 0 ?/2 * *", "day-of-month '?' cannot be read; 1-31 or L is allowed (in '?/2').",
       "Write *"},
      {"0 0 30 feb *", "day-of-month '30' never comes in month 'feb', though 1-31 or L is allowed.",
       "@manual"},
      {"0 0 31 4,6 ?", "day-of-month '31' never comes in month '4,6', though 1-31 or L is allowed.",
       "@manual"},
      {"* * * *", "it has 4 fields of the five (minute hour day-of-month month day-of-week).",
       "@daily"},
      {"daily", "it has 1 field of the five (minute hour day-of-month month day-of-week).",
       "@daily"},
      {"", "it is empty.", "'0 6 * * *'"},
      {"@dayly", "the name '@dayly' is not known.", "@daily, @midnight"},
      {"@daily 5", "the name '@daily 5' is not known.", "@daily, @midnight"},
      {"@reboot", "the name '@reboot' is not known.", "@manual"}};
  for (const auto& [text, message, hint] : cases) {
    const auto expression = Expression::parse(text);

    ASSERT_FALSE(expression) << text;
    EXPECT_EQ(expression.error().kind, Error::Kind::invalid);
    EXPECT_EQ(expression.error().message,
              "The cron expression '" + std::string(text) + "' cannot be used: " + message);
    EXPECT_THAT(expression.error().hint, HasSubstr(hint)) << text;
  }
}

TEST(Expression, MoreThanFiveFieldsAreRefusedWithTheFiveThatAreMeant) {
  const Pair cases[] = {
      {"0 0 * * * *", "the seconds in front and write the five fields '0 * * * *'."},
      {"0 0 * * * *", "If the seconds stood last, write '0 0 * * *'."},
      {"0 30 6 * * MON", "write the five fields '30 6 * * MON'."},
      {"30 6 * * MON 0", "the sixth field and write the five fields '30 6 * * MON'."},
      {"0 6 * * * 2027", "the sixth field and write the five fields '0 6 * * *'."},
      {"0 0 6 ? * mon-fri 2027", "write the five fields '0 6 ? * mon-fri'."},
      {"1 2 3 4 5 6 7 8", "Write five fields: minute hour"},
      {"x y z 1 2 3", "Write five fields: minute hour"}};
  for (const auto& [text, hint] : cases) {
    const auto expression = Expression::parse(text);

    ASSERT_FALSE(expression) << text;
    EXPECT_THAT(expression.error().message, HasSubstr("cron here has five"));
    EXPECT_THAT(expression.error().hint, HasSubstr(hint)) << text;
  }
}

TEST(Expression, AnEndlessTextIsRefusedInAFewWords) {
  const auto expression = Expression::parse("0 " + std::string(100'000, '1') + " * * *");

  ASSERT_FALSE(expression);
  EXPECT_THAT(expression.error().message, HasSubstr("100008 characters, and 1000 are allowed"));
  EXPECT_LT(expression.error().message.size(), 300);
}

TEST(Expression, BytesThatAreNoTextAreShownSafely) {
  const auto expression = Expression::parse("0 \x01\xff * * *");

  ASSERT_FALSE(expression);
  EXPECT_THAT(expression.error().message, HasSubstr("hour '\\x01\xef\xbf\xbd' cannot be read"));
}

}  // namespace
}  // namespace cupola::cron
