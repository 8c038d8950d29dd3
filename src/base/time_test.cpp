#include "base/time.h"

#include <gtest/gtest.h>

namespace cupola {
namespace {

TEST(TimeTest, Rfc3339IsReadAndWrittenBackInUtc) {
  const auto instant = parse_rfc3339("2026-11-23T04:18:00.250+01:00");

  ASSERT_TRUE(instant);
  EXPECT_EQ(to_rfc3339(*instant), "2026-11-23T03:18:00.250Z");
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2028-02-29")), "2028-02-29T00:00:00Z");
}

TEST(TimeTest, WhatIsNoInstantIsTurnedDown) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-02-29", "2026-11-23T", "2026-11-23T25:00",
        "2026-11-23T10:00:00.Z", "2026-11-23T10:00:00Zx", "2026-11-23T10:00+1:00"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(TimeTest, SpansAreReadWithTheirUnits) {
  EXPECT_EQ(parse_span("90s"), 90s);
  EXPECT_EQ(parse_span("1h30m"), 90min);
  EXPECT_EQ(parse_span("30d"), 720h);
  for (const char* text : {"", "5", "h", "-1h", "5 m", "99999999999999999999d", "9999999999999d"}) {
    EXPECT_FALSE(parse_span(text)) << text;
  }
}

}  // namespace
}  // namespace cupola
