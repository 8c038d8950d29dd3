// What a change of a schedule's settings does to its fires: none is lost, none comes twice.

#include <set>

#include <gmock/gmock.h>

#include "scheduler/enqueue_test.h"
#include "scheduler/timing.h"

namespace cupola::scheduler {
namespace {

using ::testing::ElementsAre;

class SettingsTest : public EnqueueFixture {
 protected:
  store::Schedule now_of(const store::Schedule& schedule) {
    return *db->read(
        [&](db::Session& session) { return store::find_schedule(session, schedule.key); });
  }
  void set(const store::Schedule& schedule, const store::ScheduleSettings& own, Instant now) {
    const store::Schedule seen = now_of(schedule);
    db->write([&](db::Session& session) { store::set_own_settings(session, seen, own, now); });
  }
  void set_offset(const store::Schedule& schedule, std::chrono::minutes offset, Instant now) {
    set(schedule, {.offset = store::OffsetRule{.minutes = offset}}, now);
  }
  /// Nominal times of all fires on record, each row with those that it stands for, oldest first.
  std::vector<Instant> nominal_times(const store::Schedule& schedule) {
    std::vector<Instant> times;
    for (const auto& fire : fires(schedule, 1000)) times.insert(times.begin(), fire.nominal);
    return times;
  }
};
INSTANTIATE_TEST_SUITE_P(On, SettingsTest, cupola::testing::databases());

TEST_P(SettingsTest, AFireWhoseNewTimeHasGoneByComesNowWhateverIsDoneWithMissedOnes) {
  for (const auto missed : {store::Missed::skip, store::Missed::latest, store::Missed::all}) {
    const auto schedule = deploy("0 * * * *", true, store::Overlap::allow, missed);
    set(schedule, {.missed = missed, .offset = store::OffsetRule{.minutes = 7min}}, noon - 20min);
    enqueue_all(noon + 3min);  // noon's fire is due at 12:07
    ASSERT_EQ(fires(schedule).size(), 0u);

    set(schedule, {.missed = missed, .offset = store::OffsetRule{.minutes = 0min}}, noon + 3min);
    const Enqueued enqueued = enqueue_all(noon + 3min + 1s);

    EXPECT_EQ(enqueued.runs, 1) << store::to_text(missed);
    EXPECT_EQ(enqueued.next_due, noon + 1h);
    EXPECT_THAT(nominal_times(schedule), ElementsAre(noon));
    db->write([&](db::Session& session) {
      session.execute("DELETE FROM fires");
      session.execute("UPDATE schedules SET due_at = NULL, due_nominal = NULL, planned = 0");
    });
  }
}

TEST_P(SettingsTest, AFireThatHasComeDoesNotComeAgainByALaterOffset) {
  const auto schedule = deploy("0 * * * *");
  set_offset(schedule, -7min, noon - 20min);
  enqueue_all(noon - 10min);
  ASSERT_EQ(enqueue_all(noon - 7min).runs, 1);

  set_offset(schedule, 7min, noon - 5min);
  EXPECT_EQ(enqueue_all(noon + 10min).runs, 0);

  EXPECT_EQ(enqueue_all(noon + 10min).next_due, noon + 1h + 7min);
  EXPECT_THAT(nominal_times(schedule), ElementsAre(noon));
  const auto next = next_fires(now_of(schedule), noon - 4min, 3);
  ASSERT_EQ(next.size(), 3u);
  EXPECT_EQ(next[0].due, noon + 1h + 7min) << "the one that is shown is the one that comes";
  EXPECT_EQ(next[1].due, noon + 2h + 7min);
}

TEST_P(SettingsTest, FiresThatCrowdTogetherAreAllOnRecord) {
  const auto schedule = deploy("* * * * *", true, store::Overlap::allow);
  set_offset(schedule, 7min, noon - 20min);
  for (Instant now = noon - 20min; now < noon; now += 1min) enqueue_all(now);

  set_offset(schedule, 0min, noon - 30s);
  const Enqueued enqueued = enqueue_all(noon - 29s);
  enqueue_all(noon);

  EXPECT_EQ(enqueued.runs, 1) << "one stands for those that came at once";
  EXPECT_EQ(enqueued.missed, 6);
  const auto times = nominal_times(schedule);
  ASSERT_EQ(times.back(), noon);
  for (std::size_t i = 1; i < times.size(); ++i)
    EXPECT_EQ(times[i] - times[i - 1], 1min) << to_rfc3339(times[i]);
}

TEST_P(SettingsTest, OffsetsThatGoToAndFroLoseAndDoubleNothing) {
  const auto schedule = deploy("*/10 * * * *", true, store::Overlap::allow, store::Missed::all);
  enqueue_all(noon - 20min);
  int offset = 0;
  for (Instant now = noon - 20min; now < noon + 5h; now += 30s) {
    offset = (offset * 31 + 11) % 19;
    set_offset(schedule, std::chrono::minutes(offset - 9), now);
    enqueue_all(now + 1s);
  }

  const auto times = nominal_times(schedule);
  ASSERT_GT(times.size(), 28u);
  for (std::size_t i = 1; i < times.size(); ++i)
    EXPECT_EQ(times[i] - times[i - 1], 10min) << to_rfc3339(times[i]);
  for (const auto& fire : fires(schedule, 1000))
    EXPECT_EQ(fire.outcome, store::FireOutcome::run) << to_rfc3339(fire.nominal);
}

TEST_P(SettingsTest, AnOffsetThatAShorterIntervalLeavesTooLongHoldsAndLosesNothing) {
  for (const auto offset : {40min, -40min}) {
    const auto schedule = deploy("0 * * * *", true, store::Overlap::allow);
    set_offset(schedule, offset, noon - 20min);
    db->write([&](db::Session& session) {
      cupola::testing::add_live_release(session, tenant_,
                                        {{.name = "load", .interval = "*/15 * * * *"}}, noon);
    });
    for (Instant now = noon; now < noon + 2h; now += 30s) enqueue_all(now);

    const auto rows = fires(schedule);
    ASSERT_EQ(rows.size(), 8u) << offset.count();
    for (const auto& fire : rows) {
      EXPECT_EQ(fire.outcome, store::FireOutcome::run);
      EXPECT_EQ(fire.due, fire.nominal + offset);
    }
    for (std::size_t i = 1; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i - 1].nominal - rows[i].nominal, 15min);
    }
    db->write([&](db::Session& session) { session.execute("DELETE FROM fires"); });
  }
}

TEST_P(SettingsTest, RunsThatFireAreAsTheSettingsSayThen) {
  const auto schedule = deploy("0 * * * *");
  set(schedule, {.retries = 4, .retry_wait = 2min, .run_timeout = 10min}, noon - 20min);
  enqueue_all(noon);

  const auto runs = unfinished(schedule);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].most_attempts, 5);
  EXPECT_EQ(runs[0].retry_wait, 2min);
  EXPECT_EQ(runs[0].run_timeout, 10min);
}

TEST_P(SettingsTest, OnceManualAndNoneNeverFireByTheClock) {
  for (const char* interval : {"@once", "@manual", "@none"}) {
    const auto schedule = deploy(interval);
    set_offset(schedule, 5min, noon - 15min);
    for (const Instant now : {noon, noon + 1h, noon + 24h * 400}) {
      const Enqueued enqueued = enqueue_all(now);
      EXPECT_EQ(enqueued.runs + enqueued.missed + enqueued.skipped, 0) << interval;
      EXPECT_FALSE(enqueued.next_due) << interval;
    }
    EXPECT_TRUE(fires(schedule).empty());
    EXPECT_TRUE(next_fires(now_of(schedule), noon, 3).empty());
  }
}

TEST_P(SettingsTest, OneThatVanishedIsSilentAndFiresOnWhenItIsBack) {
  const auto schedule = deploy("0 * * * *");
  enqueue_all(noon);
  ASSERT_EQ(fires(schedule).size(), 1u);
  db->write([&](db::Session& session) {
    cupola::testing::add_live_release(session, tenant_, {}, noon + 1min);
  });
  EXPECT_EQ(enqueue_all(noon + 3h).runs, 0);

  db->write([&](db::Session& session) {
    cupola::testing::add_live_release(session, tenant_, {{.name = "load", .interval = "0 * * * *"}},
                                      noon + 3h + 1min);
  });
  EXPECT_EQ(enqueue_all(noon + 4h).runs, 1);

  EXPECT_TRUE(now_of(schedule).enabled);
  EXPECT_THAT(nominal_times(schedule), ElementsAre(noon, noon + 4h));
}

}  // namespace
}  // namespace cupola::scheduler
