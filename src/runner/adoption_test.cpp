#include <csignal>

#include "runner/runner_test.h"
#include "supervisor/spec.h"

namespace cupola::runner {
namespace {

TEST_F(RunnerTest, ARunGoesOnOverARestartAndNoLineIsLost) {
  const RunId id = start("short");
  ASSERT_TRUE(wait_until_running(id));

  restart();
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  for (int step = 0; step < 15; ++step) {
    EXPECT_NE(log_of(id).find("step " + std::to_string(step)), std::string::npos) << step;
  }
  EXPECT_NE(state()->payload.find("15"), std::string::npos);
}

TEST_F(RunnerTest, ARunThatEndedWhileNoServerWatchedKeepsItsResult) {
  const RunId id = start("short");
  ASSERT_TRUE(wait_until_running(id));
  runner_.reset();
  ASSERT_TRUE(comes_true([&] { return fs::exists(supervisor::result_file(home_.run(id))); }));

  restart();
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded);
  EXPECT_NE(state()->payload.find("15"), std::string::npos);
}

TEST_F(RunnerTest, AKilledSupervisorMakesTheRunLostAndFreesItsState) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor_of(id);
  ::kill(process->pid, SIGKILL);

  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::lost);
  EXPECT_TRUE(state_is_free());
}

TEST_F(RunnerTest, AClaimThatNothingCameOfGoesBackToTheQueue) {
  runner_.reset();
  const RunId id = [&] {
    store::NewRun run = cupola::testing::new_run(tenant_, now());
    run.tasks = {"load"};
    run.state_ids = {"prod:tap-to-target"};
    db_->write([&](db::Session& session) {
      store::add_run(session, run, now());
      EXPECT_EQ(store::claim_runs(session, "here", 1, now()).size(), 1u);
    });
    return run.id;
  }();

  restart();

  EXPECT_EQ(wait_for_end(id).status, store::RunStatus::succeeded);
}

TEST_F(RunnerTest, AClaimThatTheLoopNeverHeardOfIsTakenUpWithoutARestart) {
  store::NewRun run = cupola::testing::new_run(tenant_, now());
  run.tasks = {"load"};
  run.state_ids = {"prod:tap-to-target"};
  db_->write([&](db::Session& session) {
    store::add_run(session, run, now());
    store::claim_runs(session, "here", 1, now());
  });

  EXPECT_EQ(wait_for_end(run.id).status, store::RunStatus::succeeded);
}

TEST_F(RunnerTest, ARunThatAnotherWorkerEndedIsKilledHere) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor_of(id);

  db_->write([&](db::Session& session) { lose(session, id); });

  EXPECT_TRUE(comes_true([&] { return ::kill(process->pid, 0) != 0; }));
  EXPECT_EQ(find(id).status, store::RunStatus::lost);
}

TEST_F(RunnerTest, ARunThatAnotherWorkerEndedIsKilledAlsoWhileNothingCanBeWritten) {
  shared_database_ = true;
  restart();
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor_of(id);

  db_->write([&](db::Session& session) {
    lose(session, id);
    session.execute(R"sql(CREATE TRIGGER read_only BEFORE UPDATE ON workers
                          BEGIN SELECT RAISE(ABORT, 'the database is read-only'); END)sql");
  });

  EXPECT_TRUE(comes_true([&] { return has_ended(process->pid); }));
}

TEST_F(RunnerTest, Case02ARunOfAServerThatIsGoneIsLostHoweverItsClockWas) {
  const RunId id = [&] {
    store::NewRun run = cupola::testing::new_run(tenant_, now());
    run.state_ids = {"prod:tap-to-target"};
    db_->write([&](db::Session& session) {
      store::add_run(session, run, now());
      store::claim_runs(session, "another", 1, now() + 24h);
    });
    return run.id;
  }();
  lease_ = 6s;
  restart();

  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::lost);
  EXPECT_EQ(run.cause, "The server that ran it (another) is gone.");
  EXPECT_TRUE(state_is_free());
}

TEST_F(RunnerTest, Case04ARunWhoseServerFallsSilentEndsByItself) {
  shared_database_ = true;
  lease_ = 6s;
  restart();
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor_of(id);
  runner_.reset();

  EXPECT_TRUE(comes_true([&] { return has_ended(process->pid); }));
  EXPECT_NE(log_of(id).find("Its server gave no sign for 4 s"), std::string::npos) << log_of(id);
  restart();
  EXPECT_EQ(wait_for_end(id).status, store::RunStatus::lost);
}

TEST_F(RunnerTest, ARunThatAnotherServerEndedDoesNotOutliveTheRestart) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor_of(id);
  runner_.reset();
  db_->write([&](db::Session& session) { lose(session, id); });

  restart();

  EXPECT_TRUE(comes_true([&] { return !fs::exists(home_.run(id)); }));
  EXPECT_TRUE(comes_true([&] { return has_ended(process->pid); }));
}

TEST_F(RunnerTest, AnEndThatCannotBeWrittenIsWrittenLater) {
  const RunId id = start("short");
  ASSERT_TRUE(wait_until_running(id));
  db_->write([&](db::Session& session) {
    session.execute(R"sql(CREATE TRIGGER gone BEFORE UPDATE OF ended_at ON runs
                          BEGIN SELECT RAISE(ABORT, 'the database is gone'); END)sql");
  });
  ASSERT_TRUE(comes_true([&] { return fs::exists(supervisor::result_file(home_.run(id))); }));
  std::this_thread::sleep_for(2500ms);  // two tries
  EXPECT_EQ(find(id).status, store::RunStatus::running);

  db_->write([&](db::Session& session) { session.execute("DROP TRIGGER gone"); });
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_NE(state()->payload.find("15"), std::string::npos);
}

TEST_F(RunnerTest, ARunThatTheMachineStoppedSaysSo) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));

  const auto process = supervisor_of(id);
  ASSERT_EQ(::kill(process->pid, SIGTERM), 0);
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::cancelled);
  EXPECT_EQ(run.cancel_code, "shutdown");
  EXPECT_EQ(run.cause, "the machine was shut down");
}

}  // namespace
}  // namespace cupola::runner
