// Fires and clocks, and runs that wait for their next attempt.

#include "store/attempts.h"

#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"

namespace cupola::scheduler {
namespace {

class AttemptsTest : public EnqueueFixture {
 protected:
  store::Schedule deploy_with(int retries, store::Overlap overlap) {
    return db->write([&](db::Session& session) {
      cupola::testing::add_live_release(
          session, tenant_,
          {{.name = "load",
            .interval = "*/10 * * * *",
            .given = {.overlap = overlap, .retries = retries, .retry_wait = 20min}}},
          noon - 30min);
      auto schedule =
          *store::find_schedule(session, tenant_.organization.key, tenant_.deployment.key, "load");
      if (!schedule.enabled) store::set_enabled(session, schedule.key, true, noon - 5min);
      return schedule;
    });
  }
  /// Fires at `now`, and what is due starts and fails.
  RunId fire_and_fail(Instant now) {
    enqueue_all(now);
    const auto claimed = db->write(
        [&](db::Session& session) { return store::claim_runs(session, "worker", 1, now); });
    EXPECT_EQ(claimed.size(), 1u);
    db->write([&](db::Session& session) {
      store::finish_run(session, {.run = claimed.at(0).id, .token = claimed.at(0).lease_token},
                        {.status = store::RunStatus::failed, .cause = "no source"}, {}, now);
    });
    return claimed.at(0).id;
  }
};
INSTANTIATE_TEST_SUITE_P(On, AttemptsTest, cupola::testing::databases());

TEST_P(AttemptsTest, AFireHasThePolicyOfItsScheduleAndKeepsItOverADeploy) {
  deploy_with(2, store::Overlap::allow);
  const RunId first = fire_and_fail(noon);
  deploy_with(0, store::Overlap::allow);
  const RunId second = fire_and_fail(noon + 10min);

  EXPECT_EQ(run(first).status, store::RunStatus::queued);
  EXPECT_EQ(run(first).most_attempts, 3);
  EXPECT_EQ(run(first).due_at, noon + 20min);
  EXPECT_EQ(run(second).status, store::RunStatus::failed);
  EXPECT_EQ(run(second).most_attempts, 1);
}

TEST_P(AttemptsTest, ANewerFireTakesThePlaceOfOneThatWaitsForItsNextAttempt) {
  deploy_with(2, store::Overlap::queue_one);
  const RunId first = fire_and_fail(noon);

  EXPECT_EQ(enqueue_all(noon + 10min).runs, 1);

  EXPECT_EQ(run(first).status, store::RunStatus::failed);
  EXPECT_EQ(run(first).cause,
            "attempt 1 of 3 failed: no source; superseded by the fire of 2026-11-23T12:10:00Z");
}

TEST_P(AttemptsTest, ARunThatWaitsForItsNextAttemptIsUnfinishedForOverlapSkip) {
  deploy_with(2, store::Overlap::skip);
  const RunId first = fire_and_fail(noon);

  EXPECT_EQ(enqueue_all(noon + 10min).skipped, 1);

  EXPECT_EQ(run(first).status, store::RunStatus::queued);
}

TEST_P(AttemptsTest, AFireThatIsMadeUpForDoesNotWaitBehindANextAttempt) {
  const auto schedule = deploy_with(2, store::Overlap::allow);
  fire_and_fail(noon);

  EXPECT_EQ(enqueue_all(noon + 15min).runs, 1);

  const auto waiting = unfinished(schedule);
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].trigger, store::Trigger::catch_up);
  EXPECT_EQ(waiting[0].due_at, noon + 15min);
}

TEST_P(AttemptsTest, Case10AClockSetBackForgetsNoRunThatWaitsForItsNextAttempt) {
  for (const std::chrono::milliseconds back : {2h, 24h, 10 * 8766h}) {
    SCOPED_TRACE(to_text(back));
    TearDown();
    SetUp();
    deploy_with(2, store::Overlap::allow);
    const RunId first = fire_and_fail(noon);
    ASSERT_EQ(run(first).due_at, noon + 20min);
    EXPECT_EQ(enqueue_all(noon + 10min).runs, 1);  // one that has not started: it is taken back

    enqueue_all(noon - back);

    EXPECT_EQ(run(first).status, store::RunStatus::queued);
    EXPECT_EQ(run(first).attempt, 2);
    EXPECT_EQ(run(first).due_at, noon - back + 20min);
    EXPECT_EQ(run(first).deadline, run(first).due_at + store::queue_deadline);
    EXPECT_EQ(fires({.key = *run(first).schedule}).size(), 1u) << "its fire stays on record";
    const auto claimed = db->write([&](db::Session& session) {
      return store::claim_runs(session, "worker", 9, noon - back + 20min);
    });
    EXPECT_EQ(claimed.size(), 1u);
  }
}

TEST_P(AttemptsTest, Case10AClockSetForwardStartsTheNextAttemptAtOnce) {
  deploy_with(2, store::Overlap::allow);
  const RunId first = fire_and_fail(noon);

  enqueue_all(noon + 24h);

  EXPECT_EQ(run(first).status, store::RunStatus::queued);
  const auto claimed = db->write(
      [&](db::Session& session) { return store::claim_runs(session, "worker", 1, noon + 24h); });
  ASSERT_EQ(claimed.size(), 1u);
  EXPECT_EQ(claimed[0].id, first);
}

}  // namespace
}  // namespace cupola::scheduler
