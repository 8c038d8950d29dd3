#include <csignal>

#include "process/program.h"
#include "runner/runner_test.h"
#include "runner/upkeep.h"

namespace cupola::runner {
namespace {

TEST_F(RunnerTest, AFailedRunIsTriedAgainOnTheStateItReachedAndInOneLog) {
  const RunId id = start_with_retries("flaky", 2, 2s);
  ASSERT_TRUE(wait_until_next_attempt(id));
  EXPECT_FALSE(is_log_compressed(id));
  EXPECT_TRUE(state_is_free());
  EXPECT_TRUE(state()->final);

  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_EQ(run.attempt, 2);
  ASSERT_EQ(attempts(id).size(), 1u);
  EXPECT_EQ(attempts(id)[0].cause, "the source is gone (exit code 1)");
  EXPECT_GE(*run.started_at, attempts(id)[0].ended_at + 2s);
  const std::string log = log_of(id);
  const auto failure = log.find("the source is gone");
  const auto opening = log.find("Attempt 2 of 3.\n");
  EXPECT_LT(failure, opening) << log;
  EXPECT_LT(opening, log.find("\"at\": 3")) << log;
  EXPECT_NE(state()->payload.find("\"at\": 9"), std::string::npos);
  EXPECT_TRUE(comes_true([&] { return is_log_compressed(id) && !fs::exists(home_.run(id)); }));
}

TEST_F(RunnerTest, TheLastAttemptTellsItsOwnCauseAndNoneFollows) {
  const RunId id = start_with_retries("worse", 2, 0ms);

  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::failed);
  EXPECT_EQ(run.attempt, 3);
  EXPECT_EQ(run.cause, "trouble 3 (exit code 3)");
  ASSERT_EQ(attempts(id).size(), 2u);
  EXPECT_EQ(attempts(id)[1].cause, "trouble 2 (exit code 2)");
  EXPECT_EQ(attempts(id)[1].exit_code, 2);
}

TEST_F(RunnerTest, ARunWhoseSupervisorIsKilledIsTriedAgain) {
  const RunId id = start_with_retries("slow-once", 1, 100ms);
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor_of(id);
  ::kill(process->pid, SIGKILL);

  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_EQ(attempts(id).at(0).status, store::RunStatus::lost);
  EXPECT_NE(log_of(id).find("done at last"), std::string::npos);
}

/// Another server told it lost while this one was away, and this one claimed the next attempt and
/// was killed before it had started it.
TEST_F(RunnerTest, WhatAnAttemptBeforeLeftIsNotTakenForTheNextOne) {
  for (const bool has_ended_meanwhile : {false, true}) {
    const RunId id = start_with_retries("slow-once", 1, 0ms);
    ASSERT_TRUE(wait_until_running(id));
    const auto process = supervisor_of(id);
    runner_.reset();
    if (has_ended_meanwhile) {
      ::kill(process->pid, SIGTERM);
      ASSERT_TRUE(comes_true([&] { return has_ended(process->pid); }));
    }
    db_->write([&](db::Session& session) {
      const store::Run run = *store::find_run(session, id);
      EXPECT_EQ(store::finish_run(session, {.run = id, .token = run.lease_token},
                                  {.status = store::RunStatus::lost}, {}, now()),
                store::Finish::queued_again);
      ASSERT_EQ(store::claim_runs(session, "here", 1, now()).size(), 1u);
    });

    restart();

    const store::Run run = wait_for_end(id);
    EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
    EXPECT_NE(log_of(id).find("done at last"), std::string::npos);
    EXPECT_TRUE(comes_true([&] { return has_ended(process->pid); }));
  }
}

/// As bubblewrap's inner process does when it was caught at its start.
TEST_F(RunnerTest, WhatAKilledSupervisorLeftBehindIsEndedWithItsRun) {
  for (const bool is_away : {false, true}) {
    const RunId id = start("slow");
    ASSERT_TRUE(wait_until_running(id));
    auto stray =
        process::start({.argv = {"/bin/sleep", "600"}, .env = {{"CUPOLA_RUN_ID", id.text()}}}, {});
    ASSERT_TRUE(stray);
    const auto process = supervisor_of(id);
    if (is_away) runner_.reset();
    ::kill(process->pid, SIGKILL);
    if (is_away) restart();

    EXPECT_EQ(wait_for_end(id).status, store::RunStatus::lost);
    EXPECT_EQ(stray->wait().signal, SIGKILL);
  }
}

TEST_F(RunnerTest, ARestartBetweenTwoAttemptsLeavesTheLogOpen) {
  const RunId id = start_with_retries("flaky", 1, 4s);
  ASSERT_TRUE(wait_until_next_attempt(id));
  runner_.reset();
  make_folder(home_.run(id));  // as if killed before it was wiped

  restart();
  EXPECT_TRUE(comes_true([&] { return !fs::exists(home_.run(id)); }));
  EXPECT_FALSE(is_log_compressed(id));
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_NE(log_of(id).find("the source is gone"), std::string::npos);
  EXPECT_NE(log_of(id).find("Attempt 2 of 2."), std::string::npos);
}

TEST_F(RunnerTest, TheLogOfARunThatEndsWhileItWaitsIsCompressedByTheUpkeep) {
  const RunId id = start_with_retries("flaky", 1, 1h);
  ASSERT_TRUE(wait_until_next_attempt(id));
  db_->write([&](db::Session& session) {
    EXPECT_TRUE(store::request_stop(session, tenant_.organization.key, id, "user", now()));
  });

  clean_up(*db_, home_, {}, now());

  EXPECT_TRUE(is_log_compressed(id));
  EXPECT_GT(find(id).log_lines.value_or(0), 1);
  EXPECT_NE(log_of(id).find("the source is gone"), std::string::npos);
}

}  // namespace
}  // namespace cupola::runner
