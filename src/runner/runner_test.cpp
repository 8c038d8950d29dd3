#include "runner/runner.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/json.h"
#include "logs/reader.h"
#include "process/program.h"
#include "runner/artifacts.h"
#include "runner/upkeep.h"
#include "store/attempts.h"
#include "store/deletions.h"
#include "store/release_content.h"
#include "store/runs.h"
#include "store/secrets.h"
#include "supervisor/spec.h"
#include "testing/tenant.h"

namespace cupola::runner {
namespace {

namespace fs = std::filesystem;

/// Stands in for meltano: what it does is the last word that it is given.
constexpr std::string_view fake_meltano = R"(#!/bin/sh
for word in "$@"; do last=$word; done
say() { echo "{\"event\": \"$1\", \"level\": \"${2:-info}\"}" >&2; }
remember() { echo "{\"completed\": {\"singer_state\": {\"at\": $1}}, \"partial\": {}}" > "/state/prod:tap-to-target/state.json"; }
say "working on $last"
case $last in
  load) cat "/state/prod:tap-to-target/state.json" >&2; remember 7 ;;
  secret) say "the word is $WORD" ;;
  forms) say "the region is $REGION"; say "git's key is [$GIT_SSH_PRIVATE_KEY]"
    text=$(tr '\n' ' ' < "$KEY_FILE"); size=$(wc -c < "$KEY_FILE")
    say "the file has $size bytes: $text" ;;
  fail) remember 3; say "the source is gone" error; exit 1 ;;
  flaky) cat "/state/prod:tap-to-target/state.json" >&2; echo >&2
    case $CUPOLA_ATTEMPT in 1) remember 3; say "the source is gone" error; exit 1 ;; *) remember 9 ;; esac ;;
  worse) say "trouble $CUPOLA_ATTEMPT" error; exit "$CUPOLA_ATTEMPT" ;;
  slow-once) [ "$CUPOLA_ATTEMPT" = 1 ] && sleep 600; say "done at last" ;;
  slow) remember 1; trap 'say stopping; exit 143' TERM; i=0; while [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done ;;
  short) i=0; while [ $i -lt 15 ]; do say "step $i"; sleep 0.1; i=$((i+1)); done; remember 15 ;;
  keep) echo again >> output/kept && chmod 4755 output/kept ;;
  leave) mkdir -p target/deep; echo m > target/manifest.json; echo "r $CUPOLA_ATTEMPT" > target/deep/results.json
    ln -s "$HIDDEN" target/link.json; ln -s "$HIDDEN" elsewhere; mkfifo target/pipe.json; mkdir target/folder.json
    echo p > output/persisted.json; echo c > outside.txt; [ "$CUPOLA_ATTEMPT" = 2 ] || exit "$LEAVES" ;;
  many) mkdir target; i=0; while [ $i -lt 130 ]; do echo > target/$i.json; i=$((i+1)); done ;;
  link) ln -s "$HIDDEN" output/into && ls -d output/into >&2 ;;
  hidden) ls /root "$HIDDEN" >&2; id -u >&2; pwd >&2 ;;
esac
)";

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() : home_(make_home()) {
    db_ = db::Database::open({.url = "sqlite:" + home_.database().string()});
    vault_.emplace(store::Vault::open(home_.key(), *db_));
    db_->write([&](db::Session& session) {
      tenant_ = cupola::testing::add_tenant(session, "acme", now());
      const auto release = store::queue_release(session, tenant_.deployment, {}, now());
      store::claim_release(session, "deployer", now(), 1min);
      store::ReleaseContent content{
          .commit = std::string(40, 'a'),
          .directory = "data",
          .environment = "prod",
          .meltano_version = "4.4.1",
          .meltano_environment = "meltano",
          .schedules = {{.settings = {.name = "daily", .state_ids = {"prod:tap-to-target"}},
                         .command = {"run", "load"}}},
          .persist = {"output"}};
      const auto switched = store::switch_over(session,
                                               {.release = release.key,
                                                .worker = "deployer",
                                                .commit = content.commit,
                                                .content = store::to_json_text(content),
                                                .lock = "{}",
                                                .plan = "{}"},
                                               now());
      ASSERT_TRUE(switched);
      make_folder(home_.checkout(release.key) / "data");
      write_file(home_.checkout(release.key) / "data" / "meltano.yml", "version: 1\n");
    });
    make_folder(home_.environments() / "meltano" / "bin");
    write_file(home_.environments() / "meltano" / "bin" / "meltano", fake_meltano, 0755);
    restart();
  }
  ~RunnerTest() override {
    runner_.reset();
    remove_tree(home_.root());
  }

  static Home make_home() {
    std::string name = fs::temp_directory_path() / "runner.XXXXXX";
    return Home(::mkdtemp(name.data()));
  }
  static Instant now() { return SystemClock().now(); }

  /// A runner that is gone and another one on the same folder, as after a restart of the server.
  void restart() {
    runner_.reset();
    Options options{
        .worker = "here", .max_runs = max_runs_, .grace = 3s, .supervisor = CUPOLA_SUPERVISOR};
    options.limits.memory = memory_limit_;
    options.lease = lease_;
    options.shared_database = shared_database_;
    runner_ = std::make_unique<Runner>(
        Dependencies{.database = *db_,
                     .vault = *vault_,
                     .clock = clock_,
                     .home = home_,
                     .ensure_files = [this](const store::Release&) { return ensure_files_(); }},
        options);
    runner_->start();
  }

  RunId start(const std::string& word, std::chrono::milliseconds timeout = 1h,
              std::map<std::string, std::string> env = {}) {
    store::NewRun run = cupola::testing::new_run(tenant_, now());
    run.tasks = {word};
    run.state_ids = {"prod:tap-to-target"};
    run.run_timeout = timeout;
    run.options.env = std::move(env);
    db_->write([&](db::Session& session) { store::add_run(session, run, now()); });
    runner_->wake();
    return run.id;
  }

  RunId start_with_retries(const std::string& word, int retries, std::chrono::milliseconds wait) {
    store::NewRun run = cupola::testing::new_run(tenant_, now());
    run.tasks = {word};
    run.state_ids = {"prod:tap-to-target"};
    run.most_attempts = 1 + retries;
    run.retry_wait = wait;
    db_->write([&](db::Session& session) { store::add_run(session, run, now()); });
    runner_->wake();
    return run.id;
  }
  bool wait_until_next_attempt(const RunId& id) {
    return comes_true([&] {
      return find(id).attempt == 2 && find(id).status == store::RunStatus::queued &&
             !fs::exists(home_.run(id));
    });
  }
  bool is_log_compressed(const RunId& id) {
    return fs::exists(home_.log(id).string() + ".index.zst");
  }
  std::vector<store::Attempt> attempts(const RunId& id) {
    return db_->read([&](db::Session& session) {
      return store::list_attempts(session, tenant_.organization.key, id);
    });
  }

  store::Run find(const RunId& id) {
    return *db_->read([&](db::Session& session) { return store::find_run(session, id); });
  }

  template <typename Check>
  bool comes_true(Check check, std::chrono::seconds limit = 30s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      if (check()) return true;
      std::this_thread::sleep_for(20ms);
    }
    return false;
  }
  store::Run wait_for_end(const RunId& id) {
    EXPECT_TRUE(comes_true([&] { return store::is_final(find(id).status); }))
        << store::to_text(find(id).status);
    return find(id);
  }
  bool wait_until_running(const RunId& id) {
    return comes_true([&] { return find(id).status == store::RunStatus::running; });
  }

  std::string log_of(const RunId& id) {
    const auto reader = logs::Reader::open(home_.log(id));
    std::string text;
    if (!reader) return text;
    for (const auto& line : reader->read(0, 10000)) text += line.text + "\n";
    return text;
  }
  std::vector<store::Artifact> artifacts_of(const RunId& id) {
    return db_->read([&](db::Session& session) {
      return store::list_artifacts(session, tenant_.organization.key, id);
    });
  }
  std::string content_of(const RunId& id, const store::Artifact& artifact) {
    return read_file(home_.artifacts(id) / std::to_string(artifact.lease_token) / artifact.path,
                     1000)
        .value_or("none");
  }
  std::optional<store::StateVersion> state() {
    return db_->read([&](db::Session& session) {
      return store::find_state(session, tenant_.organization.key, tenant_.project.key,
                               "prod:tap-to-target");
    });
  }
  /// As a deploy would, but of the release that is live.
  template <typename Change>
  void change_content(Change change) {
    db_->write([&](db::Session& session) {
      const auto deployment = *store::find_deployment(session, tenant_.deployment.key);
      const auto release = *store::find_release(session, *deployment.release);
      auto content = store::parse_release_content(*release.content);
      change(content);
      session.execute("UPDATE releases SET content = :content WHERE key = :key",
                      {{"content", store::to_json_text(content)}, {"key", release.key}});
    });
  }
  /// Gone, or a zombie that this process has not reaped.
  static bool has_ended(int pid) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    return !stat || stat->find(") Z ") != std::string::npos;
  }
  bool state_is_free() {
    return db_->read([&](db::Session& session) {
      return session
          .all("SELECT run_id FROM run_locks",
               [](const db::Row& row) { return row.get<std::string>(0); })
          .empty();
    });
  }

  Home home_;
  std::unique_ptr<db::Database> db_;
  std::optional<store::Vault> vault_;
  SystemClock clock_;
  cupola::testing::Tenant tenant_;
  int max_runs_ = 2;
  std::int64_t memory_limit_ = 0;
  std::chrono::milliseconds lease_{30s};
  bool shared_database_ = false;
  std::function<Result<void>()> ensure_files_ = [] { return Result<void>(); };
  std::unique_ptr<Runner> runner_;
};

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
  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
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
    const auto process = supervisor::parse_supervisor_process(
        *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
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
    const auto process = supervisor::parse_supervisor_process(
        *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
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
  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
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
  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));

  db_->write([&](db::Session& session) {
    const store::Run run = *store::find_run(session, id);
    EXPECT_EQ(store::finish_run(session, {.run = id, .token = run.lease_token},
                                {.status = store::RunStatus::lost}, {}, now()),
              store::Finish::ended);
  });

  EXPECT_TRUE(comes_true([&] { return ::kill(process->pid, 0) != 0; }));
  EXPECT_EQ(find(id).status, store::RunStatus::lost);
}

TEST_F(RunnerTest, ARunThatAnotherWorkerEndedIsKilledAlsoWhileNothingCanBeWritten) {
  shared_database_ = true;
  restart();
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));

  db_->write([&](db::Session& session) {
    const store::Run run = *store::find_run(session, id);
    EXPECT_EQ(store::finish_run(session, {.run = id, .token = run.lease_token},
                                {.status = store::RunStatus::lost}, {}, now()),
              store::Finish::ended);
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
  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
  runner_.reset();

  EXPECT_TRUE(comes_true([&] { return has_ended(process->pid); }));
  EXPECT_NE(log_of(id).find("Its server gave no sign for 4 s"), std::string::npos) << log_of(id);
  restart();
  EXPECT_EQ(wait_for_end(id).status, store::RunStatus::lost);
}

TEST_F(RunnerTest, ARunThatAnotherServerEndedDoesNotOutliveTheRestart) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));
  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
  runner_.reset();
  db_->write([&](db::Session& session) {
    const store::Run run = *store::find_run(session, id);
    EXPECT_EQ(store::finish_run(session, {.run = id, .token = run.lease_token},
                                {.status = store::RunStatus::lost}, {}, now()),
              store::Finish::ended);
  });

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

TEST_F(RunnerTest, WhatIsPersistedIsTheNextRunsTooAndNeverRoots) {
  wait_for_end(start("keep"));
  const store::Run run = wait_for_end(start("keep"));
  ASSERT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");

  const fs::path kept = home_.persisted(tenant_.deployment.key) / "output" / "kept";
  EXPECT_EQ(*read_file(kept, 100), "again\nagain\n");
  struct ::stat status {};
  ASSERT_EQ(::stat(kept.c_str(), &status), 0);
  const bool is_root = run.sandbox.value_or("").find("own uid") != std::string::npos;
  EXPECT_FALSE(is_root && status.st_uid == 0);
}

TEST_F(RunnerTest, ALinkThatARunLeftInAPersistedFolderLeadsNowhere) {
  const fs::path target = home_.root() / "not-for-runs";
  make_folder(target);
  fs::permissions(target, fs::perms::owner_all);
  ASSERT_EQ(wait_for_end(start("link", 1h, {{"HIDDEN", target}})).status,
            store::RunStatus::succeeded);
  change_content([](store::ReleaseContent& content) { content.persist = {"output/into"}; });

  const store::Run run = wait_for_end(start("load"));

  EXPECT_EQ(run.status, store::RunStatus::succeeded) << run.cause.value_or("");
  EXPECT_EQ(fs::status(target).permissions(), fs::perms::owner_all);
}

TEST_F(RunnerTest, FilesThatTheProjectAsksForAreKeptAndLinksLeadNowhere) {
  write_file(home_.root() / "secret", "not for runs");
  change_content([](store::ReleaseContent& content) {
    content.artifacts = {"target", "output/*.json", "elsewhere", "../outside.txt", "*.yml"};
  });

  const RunId id = start("leave", 1h, {{"HIDDEN", home_.root() / "secret"}, {"LEAVES", "3"}});
  ASSERT_EQ(wait_for_end(id).status, store::RunStatus::failed);

  const auto kept = artifacts_of(id);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].path, "output/persisted.json");
  EXPECT_EQ(content_of(id, kept[0]), "p\n");
  EXPECT_EQ(kept[1].path, "target/deep/results.json");
  EXPECT_EQ(content_of(id, kept[1]), "r 1\n");
  EXPECT_EQ(kept[2].path, "target/manifest.json");
  EXPECT_EQ(kept[2].bytes, 2);
  for (const auto& artifact : kept) EXPECT_FALSE(artifact.fault) << *artifact.fault;

  clean_up(*db_, home_, {}, now() + 399 * 24h);
  EXPECT_TRUE(fs::exists(home_.artifacts(id)));
  clean_up(*db_, home_, {}, now() + 401 * 24h);
  EXPECT_FALSE(fs::exists(home_.artifacts(id)));
  EXPECT_TRUE(artifacts_of(id).empty());
}

TEST_F(RunnerTest, TheLastAttemptsFilesTakeThePlaceOfThoseBefore) {
  change_content([](store::ReleaseContent& content) { content.artifacts = {"target/**"}; });
  store::NewRun run = cupola::testing::new_run(tenant_, now());
  run.tasks = {"leave"};
  run.state_ids = {"prod:tap-to-target"};
  run.options.env = {{"HIDDEN", "/nowhere"}, {"LEAVES", "3"}};
  run.most_attempts = 2;
  run.retry_wait = 10ms;
  db_->write([&](db::Session& session) { store::add_run(session, run, now()); });
  runner_->wake();

  ASSERT_EQ(wait_for_end(run.id).status, store::RunStatus::succeeded);

  const auto kept = artifacts_of(run.id);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(content_of(run.id, kept[0]), "r 2\n");
  // They go after the end is on record.
  EXPECT_TRUE(comes_true([&] {
    return std::distance(fs::directory_iterator(home_.artifacts(run.id)), {}) == 1;
  })) << "those of the first attempt are gone";
}

TEST_F(RunnerTest, ARunKeepsSoManyFilesAndNoMore) {
  change_content([](store::ReleaseContent& content) { content.artifacts = {"target"}; });

  const RunId id = start("many");
  ASSERT_EQ(wait_for_end(id).status, store::RunStatus::succeeded);

  const auto told = artifacts_of(id);
  const auto kept =
      std::count_if(told.begin(), told.end(), [](const auto& artifact) { return !artifact.fault; });
  EXPECT_EQ(kept, static_cast<std::ptrdiff_t>(most_artifacts));
  EXPECT_EQ(told.size(), most_artifacts + 20);
  EXPECT_NE(told.back().fault.value_or("").find("100 files at most"), std::string::npos)
      << told.back().path;
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

TEST_F(RunnerTest, ARunThatTheMachineStoppedSaysSo) {
  const RunId id = start("slow");
  ASSERT_TRUE(wait_until_running(id));

  const auto process = supervisor::parse_supervisor_process(
      *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
  ASSERT_EQ(::kill(process->pid, SIGTERM), 0);
  const store::Run run = wait_for_end(id);

  EXPECT_EQ(run.status, store::RunStatus::cancelled);
  EXPECT_EQ(run.cancel_code, "shutdown");
  EXPECT_EQ(run.cause, "the machine was shut down");
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
