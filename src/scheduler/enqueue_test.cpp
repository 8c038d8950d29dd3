#include "scheduler/enqueue_test.h"

#include <gtest/gtest.h>

#include "store/credits.h"

namespace cupola::scheduler {
namespace {

class EnqueueTest : public EnqueueFixture {};
INSTANTIATE_TEST_SUITE_P(On, EnqueueTest, cupola::testing::databases());

TEST_P(EnqueueTest, AScheduleThatIsOffNeverFires) {
  const auto schedule = deploy("*/5 * * * *", false);

  const Enqueued enqueued = enqueue_due_runs(*db, noon + 10min);

  EXPECT_EQ(enqueued.runs, 0);
  EXPECT_FALSE(enqueued.next_due);
  EXPECT_TRUE(fires(schedule).empty());
}

TEST_P(EnqueueTest, AFireBecomesOneQueuedRunHoweverOftenItIsLookedAt) {
  const auto schedule = deploy("0 * * * *");

  EXPECT_EQ(enqueue_due_runs(*db, noon - 1s).next_due, noon);
  EXPECT_EQ(enqueue_due_runs(*db, noon).runs, 1);
  EXPECT_EQ(enqueue_due_runs(*db, noon).runs, 0);

  const auto runs = unfinished(schedule);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].scheduled_at, noon);
  EXPECT_EQ(runs[0].due_at, noon);
  EXPECT_EQ(runs[0].trigger, store::Trigger::schedule);
  EXPECT_EQ(runs[0].state_ids, std::vector<std::string>{"prod:tap-to-target"});
  EXPECT_EQ(enqueue_due_runs(*db, noon + 1s).next_due, noon + 1h);
}

TEST_P(EnqueueTest, AFireBeforeTheSwitchOnDoesNotCount) {
  const auto schedule = deploy("35 11 * * *");  // between deploy (11:30) and switch-on (11:40)

  const Enqueued enqueued = enqueue_due_runs(*db, noon);

  EXPECT_EQ(enqueued.runs, 0);
  EXPECT_TRUE(fires(schedule).empty());
  EXPECT_EQ(enqueued.next_due, noon - 25min + 24h);
}

TEST_P(EnqueueTest, ANewerFireTakesTheWaitersPlace) {
  const auto schedule = deploy("*/10 * * * *");
  enqueue_due_runs(*db, noon);
  const auto first = unfinished(schedule);

  enqueue_due_runs(*db, noon + 10min);

  const auto waiting = unfinished(schedule);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].scheduled_at, noon + 10min);
  const auto superseded =
      db->read([&](db::Session& session) { return store::find_run(session, first[0].id); });
  EXPECT_EQ(superseded->status, store::RunStatus::skipped);
  EXPECT_EQ(superseded->cancel_code, "superseded");
}

TEST_P(EnqueueTest, SkipRecordsTheFireAndStartsNothingWhileOneIsUnfinished) {
  const auto schedule = deploy("*/10 * * * *", true, store::Overlap::skip);
  enqueue_due_runs(*db, noon - 10min);

  const Enqueued enqueued = enqueue_due_runs(*db, noon);

  EXPECT_EQ(enqueued.skipped, 1);
  EXPECT_EQ(unfinished(schedule).size(), 1u);
  EXPECT_EQ(fires(schedule).front().outcome, store::FireOutcome::skipped_overlap);
}

TEST_P(EnqueueTest, DowntimeOfThreeHoursIsOneRunAndThreeMisses) {
  const auto schedule = deploy("0 * * * *");
  enqueue_due_runs(*db, noon - 1min);

  const Enqueued enqueued = enqueue_due_runs(*db, noon + 3h + 30min);

  EXPECT_EQ(enqueued.runs, 1);
  EXPECT_EQ(enqueued.missed, 3);
  const auto runs = unfinished(schedule);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].stands_for, 4);
  EXPECT_EQ(runs[0].scheduled_at, noon + 3h);
  EXPECT_EQ(runs[0].trigger, store::Trigger::catch_up);
  EXPECT_EQ(fires(schedule).size(), 4u);
}

TEST_P(EnqueueTest, ARedeployWithoutAChangeDoesNotMoveTheNextFire) {
  deploy("0 * * * *");
  enqueue_due_runs(*db, noon - 1min);

  deploy("0 * * * *", false);

  EXPECT_EQ(enqueue_due_runs(*db, noon).runs, 1);
}

TEST_P(EnqueueTest, AClockThatIsSetBackFiresNothingTwice) {
  const auto schedule = deploy("0 * * * *");
  enqueue_due_runs(*db, noon);

  EXPECT_EQ(enqueue_due_runs(*db, noon - 30min).runs, 0);
  EXPECT_EQ(enqueue_due_runs(*db, noon).runs, 0);
  EXPECT_EQ(fires(schedule).size(), 1u);
}

TEST_P(EnqueueTest, WithoutCreditsADueFireIsSkippedAndSaysSoAndTheNextOneAfterAPurchaseRuns) {
  const auto schedule = deploy("0 * * * *");
  const auto& organization = tenant_.organization.key;
  db->write([&](db::Session& session) {
    store::set_credit_settings(session, organization, {.stop_at_zero = true}, noon - 10min);
  });
  enqueue_all(noon - 10min);

  const Enqueued stopped = enqueue_all(noon);

  EXPECT_EQ(stopped.runs, 0);
  EXPECT_EQ(stopped.skipped, 1);
  EXPECT_TRUE(unfinished(schedule).empty());
  ASSERT_EQ(fires(schedule).size(), 1U);
  EXPECT_EQ(fires(schedule)[0].outcome, store::FireOutcome::skipped_credits);
  EXPECT_FALSE(fires(schedule)[0].run);
  db->write([&](db::Session& session) {
    store::add_credit_entry(session, organization, {.amount = {100}}, noon);
  });
  EXPECT_EQ(enqueue_all(noon + 1h).runs, 1);
}

TEST_P(EnqueueTest, WithoutCreditsFiresRunWhereNothingElseIsSet) {
  deploy("0 * * * *");
  db->write([&](db::Session& session) {
    store::add_credit_entry(session, tenant_.organization.key, {.amount = {-100}}, noon);
  });
  enqueue_all(noon - 10min);

  EXPECT_EQ(enqueue_all(noon).runs, 1);
}

}  // namespace
}  // namespace cupola::scheduler
