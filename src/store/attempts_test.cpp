#include "store/attempts.h"

#include <gmock/gmock.h>

#include "store/leases.h"
#include "store/projects.h"
#include "store/set_back.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

/// A schedule whose runs have three attempts, with 30 s before the second.
class AttemptsTest : public testing::EachDatabase {
 protected:
  using Run = store::Run;  // and not the private function of ::testing::Test

  void SetUp() override {
    EachDatabase::SetUp();
    if (!IsSkipped()) deploy(Overlap::queue_one);
  }
  void deploy(Overlap overlap) {
    db->write([&](db::Session& session) {
      if (!tenant) tenant = testing::add_tenant(session, "acme", noon);
      testing::add_live_release(
          session, *tenant,
          {{.name = "load", .interval = "@hourly", .given = {.overlap = overlap, .retries = 2}}},
          noon);
      schedule = *find_schedule(session, tenant->organization.key, tenant->deployment.key, "load");
    });
  }

  RunId fire(Instant at) {
    NewRun run = testing::new_run(*tenant, at);
    run.schedule = schedule.key;
    run.schedule_name = schedule.name;
    run.trigger = Trigger::schedule;
    run.scheduled_at = at;
    run.tasks.clear();
    run.state_ids = {"s"};
    run.most_attempts = 1 + schedule.retries;
    run.retry_wait = schedule.retry_wait;
    db->write([&](db::Session& session) { add_run(session, run, at); });
    return run.id;
  }
  std::vector<Run> claim(Instant now) {
    return db->write([&](db::Session& session) { return claim_runs(session, "here", 10, now); });
  }
  Lease claim_one(Instant now) {
    const auto claimed = claim(now);
    EXPECT_THAT(claimed, SizeIs(1));
    if (claimed.size() != 1) return {};
    const Lease lease{claimed[0].id, claimed[0].lease_token};
    db->write([&](db::Session& session) { mark_running(session, lease, "sandbox", now); });
    return lease;
  }
  Finish end(const Lease& lease, Instant now, RunStatus status = RunStatus::failed,
             const std::string& payload = "{}") {
    return db->write([&](db::Session& session) {
      return finish_run(session, lease,
                        {.status = status,
                         .exit_code = 1,
                         .peak_memory = 1000,
                         .cpu_time = 20ms,
                         .egress_bytes = 300,
                         .cause = "no source",
                         .log_lines = 7,
                         .ended_at = now - 1s},
                        {{"s", payload}}, now);
    });
  }
  Run find(const RunId& id) {
    return *db->read([&](db::Session& session) { return find_run(session, id); });
  }
  std::vector<Attempt> attempts(const RunId& id) {
    return db->read(
        [&](db::Session& session) { return list_attempts(session, tenant->organization.key, id); });
  }
  std::int64_t count(const std::string& table) {
    return *db->read([&](db::Session& session) {
      return session.one("SELECT count(*) FROM " + table,
                         [](const db::Row& row) { return row.get<std::int64_t>(0); });
    });
  }

  std::optional<testing::Tenant> tenant;
  Schedule schedule;
};
INSTANTIATE_TEST_SUITE_P(On, AttemptsTest, testing::databases());

TEST(BackOffTest, DoublesWithEachAttemptUpToAnHour) {
  EXPECT_EQ(back_off(30s, 1), 30s);
  EXPECT_EQ(back_off(30s, 2), 60s);
  EXPECT_EQ(back_off(30s, 7), 32min);
  EXPECT_EQ(back_off(30s, 8), 1h);
  EXPECT_EQ(back_off(30s, 1000), 1h);
  EXPECT_EQ(back_off(0s, 1000), 0s);
  EXPECT_EQ(back_off(2h, 1), 1h);
}

TEST_P(AttemptsTest, ARunThatFailedWaitsForItsNextAttemptAndFreesWhatItHeld) {
  const RunId id = fire(noon);
  const Lease first = claim_one(noon + 1s);

  EXPECT_EQ(end(first, noon + 1min, RunStatus::failed, R"({"at":1})"), Finish::queued_again);

  const Run run = find(id);
  EXPECT_EQ(run.status, RunStatus::queued);
  EXPECT_EQ(run.attempt, 2);
  EXPECT_EQ(run.most_attempts, 3);
  EXPECT_GT(run.lease_token, first.token);
  EXPECT_EQ(run.due_at, noon + 1min + 30s);
  EXPECT_EQ(run.fire_due_at, noon);
  EXPECT_EQ(run.deadline, run.due_at + queue_deadline);
  EXPECT_EQ(run.cause, "attempt 1 of 3 failed: no source; the next starts at 2026-11-23T12:01:30Z");
  EXPECT_FALSE(run.release || run.worker || run.started_at || run.ended_at || run.exit_code ||
               run.peak_memory || run.log_lines);
  EXPECT_EQ(count("run_locks"), 0);
  EXPECT_EQ(count("run_state_ids"), 1);
  const auto state = *db->read([&](db::Session& session) {
    return find_state(session, tenant->organization.key, tenant->project.key, "s");
  });
  EXPECT_EQ(state.payload, R"({"at":1})");
  EXPECT_TRUE(state.final);
  EXPECT_EQ(end(first, noon + 2min), Finish::stale) << "the attempt is over";
}

TEST_P(AttemptsTest, WhatAnAttemptLeftIsKept) {
  const RunId id = fire(noon);
  end(claim_one(noon + 1s), noon + 1min, RunStatus::timed_out);

  const auto kept = attempts(id);

  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].number, 1);
  EXPECT_EQ(kept[0].status, RunStatus::timed_out);
  EXPECT_EQ(kept[0].exit_code, 1);
  EXPECT_FALSE(kept[0].exit_signal);
  EXPECT_EQ(kept[0].cause, "no source");
  EXPECT_EQ(kept[0].started_at, noon + 1s);
  EXPECT_EQ(kept[0].ended_at, noon + 1min - 1s);
  EXPECT_EQ(kept[0].peak_memory, 1000);
  EXPECT_EQ(kept[0].cpu_time, 20ms);
  EXPECT_EQ(kept[0].egress_bytes, 300);
  const auto foreign = db->read(
      [&](db::Session& session) { return list_attempts(session, OrganizationKey{"another"}, id); });
  EXPECT_THAT(foreign, IsEmpty());
}

TEST_P(AttemptsTest, TheNextAttemptIsClaimedAtItsTimeAndTheLastOneIsFinal) {
  const RunId id = fire(noon);
  end(claim_one(noon), noon);

  EXPECT_THAT(claim(noon + 29s), IsEmpty());
  end(claim_one(noon + 30s), noon + 30s);
  EXPECT_THAT(claim(noon + 89s), IsEmpty()) << "it waits twice as long";
  EXPECT_EQ(end(claim_one(noon + 90s), noon + 90s, RunStatus::lost), Finish::ended);

  const Run run = find(id);
  EXPECT_EQ(run.status, RunStatus::lost);
  EXPECT_EQ(run.attempt, 3);
  EXPECT_EQ(run.fire_due_at, noon);
  EXPECT_EQ(run.cause, "no source");
  EXPECT_THAT(attempts(id), SizeIs(2));
  EXPECT_EQ(count("run_state_ids"), 0);
  EXPECT_EQ(count("run_locks"), 0);
}

TEST_P(AttemptsTest, WhatSucceedsOrIsStoppedIsNotTriedAgain) {
  fire(noon);
  EXPECT_EQ(end(claim_one(noon), noon, RunStatus::succeeded), Finish::ended);
  fire(noon + 1h);
  EXPECT_EQ(end(claim_one(noon + 1h), noon + 1h, RunStatus::cancelled), Finish::ended);
  const RunId stopped = fire(noon + 2h);
  const Lease lease = claim_one(noon + 2h);
  db->write([&](db::Session& session) {
    EXPECT_TRUE(request_stop(session, tenant->organization.key, stopped, "user", noon + 2h));
  });

  EXPECT_EQ(end(lease, noon + 2h), Finish::ended);

  EXPECT_EQ(count("run_attempts"), 0);
}

TEST_P(AttemptsTest, ARunByHandIsNeverTriedAgain) {
  db->write([&](db::Session& session) { add_run(session, testing::new_run(*tenant, noon), noon); });

  EXPECT_EQ(end(claim_one(noon), noon), Finish::ended);
}

TEST_P(AttemptsTest, ARunWhoseServerIsGoneIsTriedAgain) {
  const RunId id = fire(noon);
  const Lease lease = claim_one(noon);

  const Finish finish = db->write([&](db::Session& session) {
    return end_lost_run(session, {.lease = lease, .worker = "here"}, "its server is gone", noon);
  });

  EXPECT_EQ(finish, Finish::queued_again);
  EXPECT_THAT(*find(id).cause, HasSubstr("attempt 1 of 3 was lost: its server is gone; the next"));
  EXPECT_EQ(attempts(id).at(0).status, RunStatus::lost);
}

TEST_P(AttemptsTest, OneThatIsStoppedWhileItWaitsEndsCancelled) {
  const RunId id = fire(noon);
  end(claim_one(noon), noon);

  db->write([&](db::Session& session) {
    EXPECT_TRUE(request_stop(session, tenant->organization.key, id, "user", noon + 1s));
  });

  EXPECT_EQ(find(id).status, RunStatus::cancelled);
  EXPECT_THAT(claim(noon + 1h), IsEmpty());
  EXPECT_EQ(count("run_state_ids"), 0);
}

TEST_P(AttemptsTest, OneWhosePlaceIsTakenEndsFailedWithItsLastCauseAndIsNeverSkipped) {
  const RunId started = fire(noon);
  end(claim_one(noon), noon);
  const RunId fresh = fire(noon + 1h);

  db->write([&](db::Session& session) {
    EXPECT_FALSE(end_queued_run(session, started, RunStatus::skipped, "", std::nullopt, noon));
    for (const Run& run : list_unfinished_runs(session, schedule.key)) {
      EXPECT_TRUE(
          end_superseded_run(session, run, "superseded by the fire of X", "superseded", noon + 2h));
    }
  });

  EXPECT_EQ(find(started).status, RunStatus::failed);
  EXPECT_EQ(find(started).cause, "attempt 1 of 3 failed: no source; superseded by the fire of X");
  EXPECT_EQ(find(started).cancel_code, "superseded");
  EXPECT_EQ(find(fresh).status, RunStatus::skipped);
  EXPECT_EQ(find(fresh).cause, "superseded by the fire of X");
}

TEST_P(AttemptsTest, ItGivesWayToANewerFireThatWaitsAlreadyWhereOneMayWait) {
  const RunId first = fire(noon);
  const Lease lease = claim_one(noon);
  const RunId newer = fire(noon + 1h);

  EXPECT_EQ(end(lease, noon + 1h + 1min), Finish::ended);

  EXPECT_EQ(find(first).status, RunStatus::failed);
  EXPECT_EQ(find(first).cause,
            "no source. It is not tried again: a newer fire of its schedule waits.");
  EXPECT_EQ(find(newer).status, RunStatus::queued);
  EXPECT_THAT(attempts(first), IsEmpty());
}

TEST_P(AttemptsTest, WhereRunsMayOverlapItWaitsBesideANewerFire) {
  deploy(Overlap::allow);
  fire(noon);
  const Lease lease = claim_one(noon);
  fire(noon + 1h);

  EXPECT_EQ(end(lease, noon + 1h), Finish::queued_again);
}

TEST_P(AttemptsTest, OtherStateIdsOrAClaimGivenBackLeaveTheAttempt) {
  const RunId id = fire(noon);
  end(claim_one(noon), noon);
  const Run claimed = claim(noon + 1h).at(0);

  db->write([&](db::Session& session) {
    EXPECT_TRUE(requeue_run(session, {id, claimed.lease_token}, {"t"}, "other ids", noon + 1h));
  });

  EXPECT_EQ(find(id).attempt, 2);
  EXPECT_EQ(find(id).fire_due_at, noon);
  EXPECT_THAT(attempts(id), SizeIs(1));
}

TEST_P(AttemptsTest, AttemptsGoWithTheirRun) {
  const auto ended_run = [&](Instant at) {
    const RunId id = fire(at);
    end(claim_one(at), at);
    end(claim_one(at + 30s), at + 30s, RunStatus::succeeded);
    return id;
  };
  const RunId old = ended_run(noon);
  ended_run(noon + 24h);
  ASSERT_EQ(count("run_attempts"), 2);

  db->write([&](db::Session& session) {
    EXPECT_THAT(delete_old_runs(session, tenant->organization.key, noon + 1h, 10),
                ElementsAre(old));
  });
  EXPECT_EQ(count("run_attempts"), 1);
}

TEST_P(AttemptsTest, LogsOfRunsThatEndedWhileTheyWaitedAreStillToBeClosed) {
  const RunId id = fire(noon);
  end(claim_one(noon), noon);
  const auto open_logs = [&] {
    return db->read([](db::Session& session) { return list_open_logs(session, 10); });
  };
  EXPECT_THAT(open_logs(), IsEmpty()) << "the next attempt writes there";

  db->write([&](db::Session& session) {
    EXPECT_TRUE(request_stop(session, tenant->organization.key, id, "user", noon));
  });
  EXPECT_THAT(open_logs(), ElementsAre(id));
  db->write([&](db::Session& session) { close_log(session, id, 7); });

  EXPECT_THAT(open_logs(), IsEmpty());
  EXPECT_EQ(find(id).log_lines, 7);
}

TEST_P(AttemptsTest, WaitingForAnAttemptIsNoPlaceInTheQueueOfTheClock) {
  fire(noon);
  end(claim_one(noon), noon);

  db->read([&](db::Session& session) {
    EXPECT_FALSE(last_queued_run(session)) << "fires that are made up for do not wait behind it";
    EXPECT_THAT(list_runs_queued_after(session, noon - 1h, 10), IsEmpty());
    EXPECT_THAT(list_attempts_due_after(session, noon, 10), SizeIs(1));
    EXPECT_EQ(next_queued(session), noon + 30s);
  });
}

}  // namespace
}  // namespace cupola::store
