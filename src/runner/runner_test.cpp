#include "runner/runner.h"

#include <atomic>
#include <stdexcept>

#include "runner/runner_test.h"
#include "store/deletions.h"
#include "store/secrets.h"

namespace cupola::runner {
namespace {

TEST_F(RunnerTest, ARunEndsWithItsResultLogAndStateAndLeavesNoFolder) {
  const RunId id = start("load");
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_EQ(run.exit_code, 0);
  ASSERT_TRUE(run.started_at && run.ended_at);
  EXPECT_GT(run.peak_memory.value_or(0), 0);
  EXPECT_NE(log_of(id).find("working on load"), std::string::npos);
  ASSERT_TRUE(state());
  EXPECT_NE(state()->payload.find("\"at\": 7"), std::string::npos);
  EXPECT_EQ(state()->run, id);
  EXPECT_TRUE(state()->final);
  EXPECT_TRUE(state_is_free());
  EXPECT_TRUE(comes_true([&] { return !fs::exists(home_.run(id)); }));
}

TEST_F(RunnerTest, TheNextRunIsGivenTheStateThatTheLastOneLeft) {
  wait_for_end(start("load"));
  const RunId second = start("load");
  wait_for_end(second);

  EXPECT_NE(log_of(second).find("\"at\": 7"), std::string::npos);
}

TEST_F(RunnerTest, AFailedRunTellsTheFirstCauseAndKeepsTheStateItReached) {
  const store::Run run = wait_for_end(start("fail"));

  EXPECT_EQ(run.status, store::RunStatus::failed);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.cause, "the source is gone (exit code 1)");
  EXPECT_NE(state()->payload.find("\"at\": 3"), std::string::npos);
}

TEST_F(RunnerTest, StateIsCapturedWhileTheRunGoes) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));

  EXPECT_TRUE(comes_true([&] { return state() && state()->run == id && !state()->final; }));
  db_->write([&](db::Session& session) {
    EXPECT_TRUE(store::request_stop(session, tenant_.organization.key, id, "user", now()));
  });
  runner_->wake();
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::cancelled);
  EXPECT_EQ(run.exit_code, 143);
  EXPECT_EQ(run.cancel_code, "user");
  EXPECT_TRUE(state()->final);
  EXPECT_NE(log_of(id).find("stopping"), std::string::npos);
}

TEST_F(RunnerTest, ARunOverItsLimitEndsTimedOut) {
  const store::Run run = wait_for_end(start("slow", 500ms));

  EXPECT_EQ(run.status, store::RunStatus::timed_out);
  EXPECT_TRUE(state_is_free());
}

TEST_F(RunnerTest, ASecretReachesTheRunAndIsMaskedInItsLog) {
  db_->write([&](db::Session& session) {
    EXPECT_TRUE(store::set_secret(session, *vault_, tenant_.organization.key, tenant_.project.key,
                                  std::nullopt, "WORD", Secret("sesame-4711"), now()));
  });

  const RunId id = start("secret");
  wait_for_end(id);

  EXPECT_NE(log_of(id).find("the word is ****"), std::string::npos) << log_of(id);
  EXPECT_EQ(log_of(id).find("sesame"), std::string::npos);
}

TEST_F(RunnerTest, ASecretIsGivenAsAFileAPlainOneIsSeenAndGitsKeyIsNot) {
  const auto set = [&](const char* name, const std::string& value, const store::SecretForm& form) {
    db_->write([&](db::Session& session) {
      EXPECT_TRUE(store::set_secret(session, *vault_, tenant_.organization.key, tenant_.project.key,
                                    std::nullopt, name, Secret(value), now(), form));
    });
  };
  set("KEY_FILE", "line one of it\nline two of it", {.as_file = true});
  set("REGION", "eu-west-1", {.kind = store::SecretKind::plain});
  set("GIT_SSH_PRIVATE_KEY", "the key of git", {});

  const RunId id = start("forms");
  wait_for_end(id);

  const std::string log = log_of(id);
  EXPECT_NE(log.find("the region is eu-west-1"), std::string::npos) << log;
  EXPECT_NE(log.find("the file has 29 bytes: ****"), std::string::npos) << log;
  EXPECT_NE(log.find("git's key is []"), std::string::npos) << log;
  EXPECT_EQ(log.find("line one"), std::string::npos) << log;
}

TEST_F(RunnerTest, ASecretThatCannotBeFetchedFailsTheRunWithTheCause) {
  db_->write([&](db::Session& session) {
    EXPECT_TRUE(store::set_secret(session, *vault_, tenant_.organization.key, tenant_.project.key,
                                  std::nullopt, "WORD", Secret("file:/run/none"), now(),
                                  {.kind = store::SecretKind::reference}));
  });

  const store::Run run = wait_for_end(start("secret"));

  EXPECT_EQ(run.status, store::RunStatus::failed);
  EXPECT_NE(run.cause.value_or("").find("The secret WORD cannot be had"), std::string::npos);
}

TEST_F(RunnerTest, TwoRunsOnOneStateIdDoNotOverlap) {
  const RunId first = start("short");
  const RunId second = start("short");
  const store::Run one = wait_for_end(first);
  const store::Run two = wait_for_end(second);

  EXPECT_EQ(two.status, store::RunStatus::succeeded) << two.cause.value_or("");
  EXPECT_GE(*two.started_at, *one.ended_at);
}

TEST_F(RunnerTest, AStartThatFailsInAnyWayEndsTheRunWithThatCause) {
  ensure_files_ = []() -> Result<void> { throw std::runtime_error("a link is there already"); };
  const store::Run run = wait_for_end(start("load"));

  EXPECT_EQ(run.status, store::RunStatus::failed);
  EXPECT_EQ(run.cause, "It could not be started: a link is there already");
  EXPECT_TRUE(state_is_free());
}

TEST_F(RunnerTest, ARunThatIsStoppedWhileItStartsEndsCancelled) {
  std::atomic<bool> go = false;
  ensure_files_ = [&] {
    while (!go) std::this_thread::sleep_for(5ms);
    return Result<void>();
  };
  const RunId id = start("slow");
  ASSERT_TRUE(comes_true([&] { return find(id).status == store::RunStatus::starting; }));
  db_->write([&](db::Session& session) {
    EXPECT_TRUE(store::request_stop(session, tenant_.organization.key, id, "user", now()));
  });
  runner_->wake();
  go = true;

  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::cancelled) << run.cause.value_or("");
  EXPECT_EQ(run.cancel_code, "user");
}

TEST_F(RunnerTest, AScheduledRunTakesTheStateIdsOfItsReleaseBeforeItStarts) {
  store::NewRun run = cupola::testing::new_run(tenant_, now());
  run.schedule_name = "daily";
  run.tasks.clear();
  run.state_ids = {"prod:as-it-was-called-before"};
  db_->write([&](db::Session& session) { store::add_run(session, run, now()); });
  runner_->wake();

  const store::Run ended = wait_for_end(run.id);

  EXPECT_EQ(ended.status, store::RunStatus::succeeded) << ended.cause.value_or("");
  EXPECT_EQ(ended.state_ids, std::vector<std::string>{"prod:tap-to-target"});
  EXPECT_TRUE(state_is_free());
}

TEST_F(RunnerTest, ARunWhoseDeploymentIsDeletedIsStoppedAndSaysWhy) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));

  db_->write([&](db::Session& session) {
    EXPECT_TRUE(
        store::delete_deployment(session, tenant_.organization.key, tenant_.deployment.key, now()));
  });
  runner_->wake();
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::cancelled);
  EXPECT_EQ(run.cancel_code, "deployment_deleted");
  EXPECT_EQ(run.cause, "its deployment was deleted");
  EXPECT_NE(log_of(id).find("stopping"), std::string::npos);
}

TEST_F(RunnerTest, WhatWaitedTooLongEndsFailedAndSaysSo) {
  max_runs_ = 0;  // so that it waits, as it would for a state id that is never free
  restart();
  // A minute more: the step that sees it may have looked at the clock before.
  const Instant queued_at = now() - 8 * 24h - 1min;
  const store::NewRun run = cupola::testing::new_run(tenant_, queued_at);
  db_->write([&](db::Session& session) { store::add_run(session, run, queued_at); });

  const store::Run ended = wait_for_end(run.id);

  EXPECT_EQ(ended.status, store::RunStatus::failed);
  EXPECT_EQ(ended.cause, "It waited 8 d 0 h and could not start.");
}

TEST_F(RunnerTest, ARunSeesNeitherTheServersFolderNorRootsFiles) {
  const RunId id = start("hidden", 1h, {{"HIDDEN", home_.root()}});
  const store::Run run = wait_for_end(id);
  if (run.sandbox.value_or("").find("no sandbox") != std::string::npos)
    GTEST_SKIP() << *run.sandbox;

  const std::string log = log_of(id);
  EXPECT_NE(log.find("/repository/data\n"), std::string::npos) << log;
  EXPECT_EQ(log.find("cupola.db"), std::string::npos);
  EXPECT_EQ(log.find("\n0\n"), std::string::npos) << "it runs as root";
}

}  // namespace
}  // namespace cupola::runner
