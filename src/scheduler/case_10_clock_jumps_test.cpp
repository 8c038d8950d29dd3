#include <set>

#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"
#include "testing/fake_clock.h"

namespace cupola::scheduler {
namespace {

struct Jump {
  const char* name;
  std::chrono::milliseconds by;
};

constexpr Jump jumps[] = {
    {"1 h", 1h}, {"1 day", 24h}, {"30 days", 30 * 24h}, {"10 years", 10 * 8766h}};

class Case10 : public EnqueueFixture {
 protected:
  void begin_anew() {
    TearDown();
    SetUp();
    ran_.clear();
    clock_.set(noon - 10min);
  }

  /// A server at work: a step whenever something is due, and each run that is due is done at once.
  void work(std::chrono::milliseconds span) {
    const Instant end = clock_.now() + span;
    for (;;) {
      const Enqueued enqueued = enqueue_all(clock_.now());
      finish_runs();
      if (clock_.now() == end) return;
      clock_.set(std::min(end, enqueued.next_due.value_or(end)));
    }
  }

  void finish_runs() {
    const auto claimed = db->write([&](db::Session& session) {
      return store::claim_runs(session, "worker", 100, clock_.now());
    });
    for (const store::Run& run : claimed) {
      if (run.scheduled_at) {
        EXPECT_TRUE(ran_.insert(*run.scheduled_at).second)
            << to_rfc3339(*run.scheduled_at) << " ran twice";
      }
      db->write([&](db::Session& session) {
        store::finish_run(session, {.run = run.id, .token = run.lease_token},
                          {.status = store::RunStatus::succeeded}, {}, clock_.now());
      });
    }
  }

  /// Whether the fire is on record: as a run, or as missed or skipped, by itself or counted.
  bool is_told(const store::Schedule& schedule, Instant nominal) {
    for (const store::Fire& fire : fires(schedule, 5000)) {
      if (fire.nominal == nominal) return true;
      if (fire.count > 1 && fire.nominal >= nominal) return true;
    }
    return false;
  }

  cupola::testing::FakeClock clock_{noon - 10min};
  std::set<Instant> ran_;
};
INSTANTIATE_TEST_SUITE_P(On, Case10, cupola::testing::databases());

TEST_P(Case10, AJumpForwardIsOneRunAndTheRestIsCounted) {
  for (const Jump& jump : jumps) {
    SCOPED_TRACE(jump.name);
    begin_anew();
    const auto schedule = deploy("*/10 * * * *");
    work(15min);
    const std::size_t before = ran_.size();

    clock_.advance(jump.by);
    const Enqueued enqueued = enqueue_all(clock_.now());

    EXPECT_EQ(enqueued.runs, 1);
    const auto passed = jump.by / 10min;
    const auto told = fires(schedule, 5000);
    std::int64_t missed = 0;
    for (const store::Fire& fire : told) {
      if (fire.outcome == store::FireOutcome::missed) missed += fire.count;
    }
    EXPECT_EQ(missed, passed - 1);
    const auto waiting = unfinished(schedule);
    ASSERT_EQ(waiting.size(), 1u);
    EXPECT_EQ(waiting[0].stands_for, passed);
    work(20min);
    EXPECT_EQ(ran_.size(), before + 1 + 2);
  }
}

TEST_P(Case10, AllStartsNoMoreThanItsLimitHoweverFarTheJump) {
  for (const Jump& jump : jumps) {
    SCOPED_TRACE(jump.name);
    begin_anew();
    deploy("*/10 * * * *", true, store::Overlap::allow, store::Missed::all);
    work(15min);

    clock_.advance(jump.by);
    const Enqueued enqueued = enqueue_all(clock_.now());

    EXPECT_LE(enqueued.runs, 101);
    EXPECT_EQ(enqueued.runs, jump.by == 1h ? 6 : 100);
  }
}

TEST_P(Case10, AClockSetForwardAndBackAgainFiresEachTimeOnce) {
  for (const Jump& jump : jumps) {
    SCOPED_TRACE(jump.name);
    begin_anew();
    const auto schedule = deploy("*/10 * * * *");
    work(12min);

    clock_.advance(jump.by);
    work(1min);
    clock_.advance(-jump.by);
    const Instant back = clock_.now();
    work(1h);

    // Each time from before the jump to the end of the hour after it is on record, and those after
    // the return have run, but one that may have run ahead of time.
    for (Instant fire = noon - 10min; fire <= clock_.now(); fire += 10min) {
      EXPECT_TRUE(is_told(schedule, fire)) << to_rfc3339(fire);
      if (fire >= back) {
        EXPECT_TRUE(ran_.contains(fire)) << to_rfc3339(fire);
      }
    }
    const auto stored = *db->read(
        [&](db::Session& session) { return store::find_schedule(session, schedule.key); });
    EXPECT_LE(*stored.due_at, clock_.now() + 10min);
  }
}

TEST_P(Case10, WhatWentByWhileTheClockStoodAheadIsMadeUpForOnce) {
  const auto schedule = deploy("0 * * * *");
  work(15min);  // the fire of noon ran
  const Instant before = clock_.now();

  clock_.advance(24h);
  work(1min);
  const auto ahead = ran_;
  clock_.set(before + 3h);  // three hours went by meanwhile
  const Enqueued enqueued = enqueue_all(clock_.now());
  finish_runs();
  work(1min);

  EXPECT_EQ(enqueued.runs, 1);
  EXPECT_TRUE(ran_.contains(noon + 3h));
  EXPECT_EQ(ran_.size(), ahead.size() + 1);
  for (const auto hour : {1h, 2h, 3h}) EXPECT_TRUE(is_told(schedule, noon + hour));
  for (const store::Fire& fire : fires(schedule)) {
    if (fire.outcome == store::FireOutcome::missed) {
      EXPECT_LE(fire.due, clock_.now());
    }
  }
}

TEST_P(Case10, AClockSetBackRunsNothingAgainAndGoesOnAtTheLastFire) {
  for (const Jump& jump : jumps) {
    SCOPED_TRACE(jump.name);
    if (jump.by > 24h) break;  // hours of simulated work
    begin_anew();
    const auto schedule = deploy("*/30 * * * *");
    work(40min);
    const auto before = ran_;

    clock_.advance(-jump.by);
    work(jump.by - 10min);

    EXPECT_LE(ran_.size(), before.size() + static_cast<std::size_t>(jump.by / 30min));
    clock_.set(noon + 31min);
    work(40min);
    EXPECT_TRUE(ran_.contains(noon + 1h));
    for (Instant fire = noon; fire <= noon + 1h; fire += 30min)
      EXPECT_TRUE(is_told(schedule, fire)) << to_rfc3339(fire);
  }
}

TEST_P(Case10, AFireThatWaitsInTheQueueAheadOfItsTimeIsTakenBackAndComesAgain) {
  const auto schedule = deploy("0 * * * *", true, store::Overlap::skip);
  work(1min);
  clock_.advance(10 * 8766h);
  enqueue_all(clock_.now());
  const auto waiting = unfinished(schedule);
  ASSERT_EQ(waiting.size(), 1u);

  clock_.advance(-10 * 8766h);
  work(15min);

  EXPECT_EQ(run(waiting[0].id).status, store::RunStatus::skipped);
  EXPECT_EQ(run(waiting[0].id).cancel_code, "clock_set_back");
  EXPECT_EQ(ran_, std::set<Instant>{noon});
}

TEST_P(Case10, ARunAskedForByHandDoesNotWaitForAClockThatWasAhead) {
  deploy("0 * * * *");
  const auto asked = cupola::testing::new_run(tenant_, noon + 10 * 8766h);
  db->write([&](db::Session& session) { store::add_run(session, asked, noon + 10 * 8766h); });

  enqueue_all(noon);

  EXPECT_EQ(run(asked.id).due_at, noon);
  EXPECT_LE(run(asked.id).deadline, noon + store::queue_deadline);
}

TEST_P(Case10, ASwitchSetUnderAClockAheadCountsFromNow) {
  const auto schedule = deploy("0 * * * *", false);
  db->write([&](db::Session& session) {
    store::set_enabled(session, schedule.key, true, noon + 10 * 8766h);
  });

  EXPECT_EQ(enqueue_all(noon - 5min).next_due, noon);
}

TEST_P(Case10, ServersWhoseClocksDifferByLessThanAMinuteAreNoJump) {
  const auto schedule = deploy("*/10 * * * *");
  enqueue_all(noon + 50s);
  const auto first = fires(schedule);

  enqueue_all(noon);

  EXPECT_EQ(fires(schedule).size(), first.size());
  EXPECT_EQ(unfinished(schedule).size(), 1u);
}

TEST_P(Case10, TwoServersWithClocksApartDoNotUndoEachOther) {
  const auto schedule = deploy("* * * * *");
  std::vector<std::optional<Instant>> due;
  for (const auto second : {0s, 1s, 2s, 3s}) {
    enqueue_all(noon + 90s + second);
    enqueue_all(noon + second);
    due.push_back(db->read([&](db::Session& session) {
                      return store::find_schedule(session, schedule.key);
                    })->due_at);
  }

  EXPECT_EQ(due[2], noon + 2min);
  EXPECT_EQ(due[3], due[2]);
}

}  // namespace
}  // namespace cupola::scheduler
