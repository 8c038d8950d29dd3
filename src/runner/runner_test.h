#pragma once

/// Real runs with the real supervisor, of a program that stands in for Meltano.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "logs/reader.h"
#include "runner/runner.h"
#include "store/artifacts.h"
#include "store/attempts.h"
#include "store/release_content.h"
#include "store/runs.h"
#include "supervisor/spec.h"
#include "testing/tenant.h"

namespace cupola::runner {

namespace fs = std::filesystem;

/// Stands in for meltano: what it does is the last word that it is given.
inline constexpr std::string_view fake_meltano = R"(#!/bin/sh
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
  RunnerTest() {
    db_ = db::Database::open({.url = "sqlite:" + home_.database().string()});
    vault_.emplace(store::Vault::open(home_.key(), *db_));
    db_->write([&](db::Session& session) {
      tenant_ = cupola::testing::add_tenant(session, "acme", now());
      store::ReleaseContent content{
          .commit = std::string(40, 'a'),
          .directory = "data",
          .environment = "prod",
          .meltano_version = "4.4.1",
          .meltano_environment = "meltano",
          .schedules = {{.settings = {.name = "daily", .state_ids = {"prod:tap-to-target"}},
                         .command = {"run", "load"}}},
          .persist = {"output"}};
      const auto release = cupola::testing::switch_to(session, tenant_, content, now());
      make_folder(home_.checkout(release) / "data");
      write_file(home_.checkout(release) / "data" / "meltano.yml", "version: 1\n");
    });
    make_folder(home_.environments() / "meltano" / "bin");
    write_file(home_.environments() / "meltano" / "bin" / "meltano", fake_meltano, 0755);
    restart();
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
  /// Of a run that goes on.
  Result<supervisor::SupervisorProcess> supervisor_of(const RunId& id) {
    return supervisor::parse_supervisor_process(
        *read_file(supervisor::supervisor_file(home_.run(id)), 4096));
  }
  /// As another worker would that counts it as lost.
  void lose(db::Session& session, const RunId& id) {
    const store::Run run = *store::find_run(session, id);
    EXPECT_EQ(store::finish_run(session, {.run = id, .token = run.lease_token},
                                {.status = store::RunStatus::lost}, {}, now()),
              store::Finish::ended);
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

  const TempFolder folder_{"cupola-runner"};
  const Home home_{folder_.path()};
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

}  // namespace cupola::runner
