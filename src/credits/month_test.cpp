#include "credits/month.h"

#include <gtest/gtest.h>

namespace cupola::credits {
namespace {

Instant at(std::string_view text) {
  return parse_rfc3339(text).value();
}

TEST(Month, IsThatOfUtc) {
  EXPECT_EQ(day_text(day_of(at("2026-11-01T00:30:00+01:00"))), "2026-10-31");
  EXPECT_EQ(month_text(day_of(at("2026-10-31T23:59:59.999Z"))), "2026-10");
  EXPECT_EQ(month_text(day_of(at("2026-11-01T00:00:00Z"))), "2026-11");
}

TEST(Month, BeginsOnItsFirstDayAndEndsBeforeTheNextOne) {
  const Day day = *parse_day("2026-12-24");

  EXPECT_EQ(day_text(month_of(day)), "2026-12-01");
  EXPECT_EQ(day_text(month_after(day)), "2027-01-01");
  EXPECT_EQ(parse_month("2026-12"), month_of(day));
}

TEST(Month, OfAnotherFormIsNone) {
  for (const char* text :
       {"2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "2026/11", "", "1969-12"}) {
    EXPECT_FALSE(parse_month(text)) << text;
  }
  for (const char* text :
       {"2026-02-29", "2026-11-31", "2026-11", "2026-11-1", "2026-11-01T00:00:00Z", "-026-11-01"}) {
    EXPECT_FALSE(parse_day(text)) << text;
  }
  EXPECT_TRUE(parse_day("2028-02-29"));
}

}  // namespace
}  // namespace cupola::credits
