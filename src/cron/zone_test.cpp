#include "cron/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "cron/posix_rule.h"
#include "cron/zone_data.h"

namespace cupola::cron {
namespace {

Zone::Seconds at(std::string_view text) {
  return to_milliseconds(parse_rfc3339(text).value()) / 1000;
}

Zone::Seconds offset(std::string_view zone, std::string_view text) {
  const Zone found = Zone::find(zone).value();
  return found.spans()[found.span_at(at(text))].offset;
}

TEST(Zone, UtcIsOneSpanAndTheSameHoweverItIsFound) {
  EXPECT_EQ(Zone::utc().name(), "UTC");
  EXPECT_EQ(Zone::utc().spans().size(), 1);
  EXPECT_EQ(Zone::find("UTC").value(), Zone::utc());
}

TEST(Zone, OffsetsAreThoseOfTheZoneData) {
  EXPECT_EQ(offset("America/New_York", "2026-03-08T06:59:59Z"), -5 * 3600);
  EXPECT_EQ(offset("America/New_York", "2026-03-08T07:00:00Z"), -4 * 3600);
  EXPECT_EQ(offset("Europe/Berlin", "1965-07-01T00:00:00Z"), 3600);
  EXPECT_EQ(offset("Europe/Berlin", "1945-07-01T00:00:00Z"), 3 * 3600);
  EXPECT_EQ(offset("Asia/Kathmandu", "2026-01-01T00:00:00Z"), 5 * 3600 + 45 * 60);
  EXPECT_EQ(offset("US/Eastern", "2026-07-01T00:00:00Z"), -4 * 3600);
}

TEST(Zone, RulesGoOnAfterTheRecords) {
  EXPECT_EQ(offset("Europe/Berlin", "2099-07-01T00:00:00Z"), 2 * 3600);
  EXPECT_EQ(offset("Europe/Berlin", "2199-12-01T00:00:00Z"), 3600);
  EXPECT_EQ(offset("Europe/Dublin", "2099-07-01T00:00:00Z"), 3600);
  EXPECT_EQ(offset("Australia/Sydney", "2099-12-31T00:00:00Z"), 11 * 3600);
}

TEST(Zone, FirstInstantIsTheFirstShowingOrTheEndOfTheGap) {
  const Zone zone = Zone::find("America/New_York").value();
  EXPECT_EQ(zone.first_instant(at("2026-03-08T02:30:00Z")), at("2026-03-08T07:00:00Z"));
  EXPECT_EQ(zone.first_instant(at("2026-03-08T03:00:00Z")), at("2026-03-08T07:00:00Z"));
  EXPECT_EQ(zone.first_instant(at("2026-11-01T01:30:00Z")), at("2026-11-01T05:30:00Z"));
  EXPECT_EQ(zone.first_instant(at("2026-11-01T02:00:00Z")), at("2026-11-01T07:00:00Z"));
}

TEST(Zone, EachZoneOfTheSystemHasSpansInOrderOnBothClocks) {
  for (const std::string& name : zone_names()) {
    const auto table = load_zone(name);
    ASSERT_TRUE(table) << name;
    const auto& spans = table->spans();
    for (std::size_t i = 0; i + 1 < spans.size(); ++i) {
      ASSERT_EQ(spans[i].end, spans[i + 1].begin) << name;
      ASSERT_LT(spans[i].wall_end, spans[i + 1].wall_end) << name << " at " << spans[i].end;
      ASSERT_EQ(table->span_at(spans[i].end), i + 1) << name;
      ASSERT_EQ(table->span_at(spans[i].end - 1), i) << name;
    }
  }
}

TEST(Zone, WhatIsNoZoneIsRefusedWithTheLikelyName) {
  const std::pair<const char*, const char*> cases[] = {{"europe/berlin", "Write Europe/Berlin."},
                                                       {"Tokyo", "Write Asia/Tokyo."},
                                                       {"utc", "Write UTC."},
                                                       {"", "IANA name"},
                                                       {"../../etc/passwd", "IANA name"},
                                                       {"Mars/Base", "IANA name"}};
  for (const auto& [name, hint] : cases) {
    const auto zone = Zone::find(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().kind, Error::Kind::invalid);
    EXPECT_THAT(zone.error().message, testing::HasSubstr("There is no time zone '")) << name;
    EXPECT_THAT(zone.error().hint, testing::HasSubstr(hint)) << name;
  }
  EXPECT_FALSE(Zone::find(std::string(1'000'000, 'x')));
}

TEST(PosixRule, EachFormOfDayIsRead) {
  const auto changes = posix_changes("<-03>3<-02>,M3.5.0/-1,J60/0:30:15", 2024, 2025);

  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 2);
  EXPECT_EQ((*changes)[0].at, at("2024-03-01T02:30:15Z"));
  EXPECT_EQ((*changes)[0].offset, -3 * 3600);
  EXPECT_EQ((*changes)[1].at, at("2024-03-31T02:00:00Z"));
  EXPECT_EQ((*changes)[1].offset, -2 * 3600);
  EXPECT_EQ(posix_changes("AAA0BBB,59,60", 2024, 2025)->at(0).at, at("2024-02-29T02:00:00Z"));
}

TEST(PosixRule, WhatIsNoneGivesNothing) {
  EXPECT_TRUE(posix_changes("UTC0", 2024, 2030)->empty());
  for (const auto* text :
       {"", "X", "EST", "EST5EDT", "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,M3.2.0",
        "EST5EDT,M3.2.0,M11.1.0,", "<EST5", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,400,1"})
    EXPECT_FALSE(posix_changes(text, 2024, 2030)) << text;
}

}  // namespace
}  // namespace cupola::cron
