#include "runner/frequency.h"

#include <gtest/gtest.h>

#include "testing/tenant.h"

namespace cupola::runner {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class FrequencyTest : public ::testing::Test {
 protected:
  FrequencyTest() {
    tenant_ =
        db_->write([](db::Session& db) { return cupola::testing::add_tenant(db, "acme", noon); });
  }

  /// Of a run of a schedule with this interval, that starts at noon.
  bool is_frequent(const std::string& interval, store::Trigger trigger = store::Trigger::schedule,
                   const std::string& zone = "UTC") {
    return db_->write([&](db::Session& db) {
      cupola::testing::add_live_release(
          db, tenant_, {{.name = "load", .interval = interval, .given = {.timezone = zone}}}, noon);
      const auto schedule =
          store::find_schedule(db, tenant_.organization.key, tenant_.deployment.key, "load");
      const store::Run run{.schedule = schedule->key, .trigger = trigger};
      return runner::is_frequent(db, run, noon);
    });
  }

  std::unique_ptr<db::Database> db_ = db::Database::open({.url = "sqlite::memory:"});
  cupola::testing::Tenant tenant_;
};

TEST_F(FrequencyTest, OnceAnHourIsFrequentAndOnceLessADayIsNot) {
  EXPECT_TRUE(is_frequent("@hourly"));
  EXPECT_TRUE(is_frequent("7 * * * *"));
  EXPECT_TRUE(is_frequent("* * * * *"));
  EXPECT_TRUE(is_frequent("0,30 8-19 * * *"));
  EXPECT_FALSE(is_frequent("0 1-23 * * *"));
  EXPECT_FALSE(is_frequent("@daily"));
  EXPECT_FALSE(is_frequent("@once"));
}

TEST_F(FrequencyTest, TheMeanOfAYearDecidesNotTheDay) {
  // Each quarter of an hour, but on two days a week only: 27.4 a day; on one: 13.7.
  EXPECT_TRUE(is_frequent("*/15 * * * SAT,SUN"));
  EXPECT_FALSE(is_frequent("*/15 * * * MON"));
  // The hours follow real time where the clock is put back and forward.
  EXPECT_TRUE(is_frequent("0 * * * *", store::Trigger::schedule, "Europe/Berlin"));
}

TEST_F(FrequencyTest, IsOfRunsByTheClockAlone) {
  EXPECT_TRUE(is_frequent("@hourly", store::Trigger::catch_up));
  EXPECT_FALSE(is_frequent("@hourly", store::Trigger::manual));
}

}  // namespace
}  // namespace cupola::runner
