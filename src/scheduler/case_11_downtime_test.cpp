#include <map>

#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"
#include "scheduler/missed.h"

namespace cupola::scheduler {
namespace {

struct Downtime {
  std::chrono::milliseconds length;
  std::int64_t fires;  ///< of a schedule that fires each five minutes, from noon on
};
constexpr Downtime downtimes[] = {{1min, 1}, {1h, 13}, {30 * 24h, 8641}};

/// Many schedules, every five minutes, with the offsets -7 to +7 minutes, switched on before noon.
class Case11 : public EnqueueFixture {
 protected:
  static constexpr int count = 30;

  void deploy_many(store::Missed missed) {
    std::vector<store::ReleasedSchedule> released;
    for (int i = 0; i < count; ++i) {
      released.push_back({.name = "load-" + std::to_string(i),
                          .interval = "*/5 * * * *",
                          .given = {.overlap = store::Overlap::allow, .missed = missed}});
    }
    db->write([&](db::Session& session) {
      cupola::testing::add_live_release(session, tenant_, {}, noon - 1h);
      int drawn = 0;
      store::replace_schedules(
          session, tenant_.deployment.key, released,
          [&] { return std::chrono::minutes{drawn++ % 15 - 7}; }, noon - 1h);
      for (const auto& schedule : store::list_all_schedules(session, tenant_.deployment.key))
        store::set_enabled(session, schedule.key, true, noon - 30min);
    });
    enqueue_all(noon - 30min);
  }

  std::vector<store::Schedule> all_schedules() {
    return db->read([&](db::Session& session) {
      return store::list_all_schedules(session, tenant_.deployment.key);
    });
  }

  std::vector<store::Run> all_runs() {
    std::vector<store::Run> runs;
    std::string before;
    do {
      auto page = db->read([&](db::Session& session) {
        return store::list_runs(session, tenant_.organization.key, {.before = before}, 1000);
      });
      for (auto& listed : page.runs) runs.push_back(std::move(listed.run));
      before = page.next;
    } while (!before.empty());
    return runs;
  }

  /// What is on record for the schedule: fires as runs, fires as missed, rows.
  struct Told {
    std::int64_t runs = 0;
    std::int64_t missed = 0;
    std::size_t rows = 0;
  };
  Told told(const store::Schedule& schedule) {
    Told told;
    for (const store::Fire& fire : fires(schedule, 10000)) {
      (fire.outcome == store::FireOutcome::run ? told.runs : told.missed) += fire.count;
      EXPECT_EQ(fire.due, fire.nominal + schedule.offset);
      ++told.rows;
    }
    return told;
  }

  /// Down from just before noon; what was due before then is worked off.
  void be_down(std::chrono::milliseconds length) {
    for (Instant at = noon - 30min; at < noon; at += 1min) enqueue_all(at);
    const auto before = all_runs();
    for (const store::Run& run : before) {
      db->write([&](db::Session& session) {
        store::end_queued_run(session, run.id, store::RunStatus::skipped, "", std::nullopt, noon);
      });
    }
    before_ = before.size();
    for (const auto& schedule : all_schedules())
      told_before_.emplace(schedule.name, told(schedule));
    back_ = noon + length;
    done_ = enqueue_all(back_);
  }

  /// Missed fires of the schedule during the downtime, and those that started a run.
  Told since(const store::Schedule& schedule) {
    const Told now = told(schedule);
    const Told& before = told_before_.at(schedule.name);
    return {now.runs - before.runs, now.missed - before.missed, now.rows - before.rows};
  }

  std::vector<Instant> starts_after_return() {
    std::vector<Instant> starts;
    for (const store::Run& run : all_runs()) {
      if (run.trigger == store::Trigger::catch_up) starts.push_back(run.due_at);
    }
    std::sort(starts.begin(), starts.end());
    return starts;
  }

  std::size_t before_ = 0;
  std::map<std::string, Told> told_before_;
  Instant back_;
  Enqueued done_;
};
INSTANTIATE_TEST_SUITE_P(On, Case11, cupola::testing::databases());

TEST_P(Case11, LatestIsOneSpreadRunForEachScheduleAndEachMissedFireIsCounted) {
  for (const Downtime& down : downtimes) {
    SCOPED_TRACE(to_text(down.length));
    if (down.length != downtimes[0].length) {
      TearDown();
      SetUp();
      told_before_.clear();
    }
    deploy_many(store::Missed::latest);

    be_down(down.length);

    std::int64_t all = 0;
    for (const auto& schedule : all_schedules()) {
      const Told told = since(schedule);
      EXPECT_LE(told.runs, 1);
      EXPECT_NEAR(static_cast<double>(told.runs + told.missed), static_cast<double>(down.fires), 1);
      EXPECT_LE(told.rows, missed_rows + 2);
      all += told.runs + told.missed;
    }
    EXPECT_EQ(static_cast<std::size_t>(done_.runs), all_runs().size() - before_);
    EXPECT_GE(all, down.fires * count - count);
    const auto starts = starts_after_return();
    for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_GE(starts[i] - starts[i - 1], 200ms);
    if (down.length > 5min) {
      EXPECT_GE(starts.size(), std::size_t{count} * 3 / 4);
    }
  }
}

TEST_P(Case11, SkipStartsNothingThatIsLate) {
  deploy_many(store::Missed::skip);

  be_down(1h);

  EXPECT_TRUE(starts_after_return().empty());
  for (const auto& schedule : all_schedules()) {
    const Told told = since(schedule);
    EXPECT_NEAR(static_cast<double>(told.runs + told.missed), 13, 1);
  }
}

TEST_P(Case11, AllStartsThemUpToItsLimitOneAfterAnother) {
  deploy_many(store::Missed::all);

  be_down(1h);

  const auto starts = starts_after_return();
  EXPECT_GE(starts.size(), std::size_t{count} * 11);
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_EQ(starts[i] - starts[i - 1], 200ms);
}

TEST_P(Case11, AStepAfterAMonthIsABoundedPieceOfWork) {
  deploy_many(store::Missed::latest);
  const Instant back = noon + 30 * 24h;

  int steps = 0;
  for (bool more = true; more; ++steps) {
    const Enqueued step = enqueue_due_runs(*db, back);
    EXPECT_LE(step.runs + step.missed, 2000 + static_cast<int>(missed_rows) + 2);
    more = step.more;
  }

  EXPECT_GE(steps, 2);
  EXPECT_EQ(enqueue_all(back).runs, 0);
}

TEST_P(Case11, WhatIsOnTimeDoesNotWaitForWhatAMonthHasLeft) {
  deploy_many(store::Missed::latest);
  const Instant back = noon + 30 * 24h;
  const auto on_time = all_schedules().back();
  db->write([&](db::Session& session) {
    ASSERT_TRUE(store::set_next_fire(session, on_time.key, on_time.due_at, back, back, noon));
  });

  const Enqueued step = enqueue_due_runs(*db, back);

  EXPECT_TRUE(step.more);
  EXPECT_EQ(fires(on_time).at(0).nominal, back);
}

TEST_P(Case11, TheOffsetIsKeptOverADowntime) {
  deploy_many(store::Missed::latest);
  std::map<std::string, std::chrono::minutes> offsets;
  for (const auto& schedule : all_schedules()) offsets.emplace(schedule.name, schedule.offset);

  be_down(1h);

  for (const auto& schedule : all_schedules()) {
    EXPECT_EQ(schedule.offset, offsets.at(schedule.name));
    EXPECT_EQ(*schedule.due_at - *schedule.due_nominal, schedule.offset);
    EXPECT_GT(*schedule.due_at, back_);
    EXPECT_LE(*schedule.due_at, back_ + 5min);
  }
}

}  // namespace
}  // namespace cupola::scheduler
