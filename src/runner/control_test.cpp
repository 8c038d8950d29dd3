#include "runner/control.h"

#include <filesystem>
#include <map>
#include <utility>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "store/vault.h"
#include "testing/fake_clock.h"
#include "testing/tenant.h"

namespace cupola::runner {
namespace {

const Instant noon = *parse_rfc3339("2026-03-01T12:00:00Z");

class FakeSupervisor : public Supervisor {
 public:
  bool has_ended() const override { return false; }
  void signal(int) override {}
};

/// Whatever is started lives on and never says anything.
class FakeMachine : public Machine {
 public:
  std::chrono::steady_clock::time_point steady_now() const override { return now; }
  std::chrono::milliseconds up_time() const override { return 1h; }
  std::string place() const override { return "/"; }
  double free_disk() const override { return 0.5; }
  Result<void> make_ready(const store::Release&) override { return {}; }
  Result<std::unique_ptr<Supervisor>> start(StartOrder order) override {
    ++starts[order.run.id];
    return std::unique_ptr<Supervisor>(std::make_unique<FakeSupervisor>());
  }
  Found find(const store::Run& run) override {
    if (!starts.contains(run.id)) return {};
    return {.kind = Found::Kind::alive, .supervisor = std::make_unique<FakeSupervisor>()};
  }
  std::optional<int> slot_of(const RunId&) const override { return std::nullopt; }
  void watch(const RunId&, Supervisor&) override {}
  void forget(const RunId&) override {}
  std::optional<supervisor::Started> started(const RunId&) const override { return std::nullopt; }
  bool takes_signals(const RunId&) const override { return true; }
  store::RunResult result(const store::Run&) const override { return {}; }
  std::vector<store::CapturedState> states(const RunId&, std::vector<std::string>&) override {
    return {};
  }
  std::vector<store::Artifact> copy_artifacts(const store::Run&, const store::ReleaseContent&,
                                              std::int64_t) override {
    return {};
  }
  void settle_artifacts(const RunId&, std::int64_t, bool) override {}
  void tidy_up(const RunId&, bool) override {}
  void sweep(const std::set<RunId>&, const std::function<bool(const RunId&)>&) override {}

  std::chrono::steady_clock::time_point now{1h};
  std::map<RunId, int> starts;
};

/// Does the work, and what follows it, when the test says so.
class HeldTasks : public Tasks {
 public:
  void run(Kind, const RunId&, std::function<void()> work,
           std::function<void(bool)> then) override {
    given_.push_back({std::move(work), std::move(then)});
  }
  void work() {
    for (auto& [task, then] : std::exchange(given_, {})) {
      task();
      done_.push_back(std::move(then));
    }
  }
  void come_back() {
    for (const auto& then : std::exchange(done_, {})) then(true);
  }

 private:
  std::vector<std::pair<std::function<void()>, std::function<void(bool)>>> given_;
  std::vector<std::function<void(bool)>> done_;
};

class ControlTest : public ::testing::Test {
 protected:
  ControlTest() {
    vault_.emplace(store::Vault::open(TempFolder("cupola-control").path() / "key", *db_));
    control_ = std::make_unique<Control>(
        Surroundings{.database = *db_, .vault = *vault_, .clock = clock_, .machine = machine_},
        tasks_, Options{.worker = "here"});
  }

  void tick() {
    machine_.now += 1s;
    control_->step({});
  }

  std::unique_ptr<db::Database> db_ = db::Database::open({.url = "sqlite::memory:"});
  std::optional<store::Vault> vault_;
  cupola::testing::FakeClock clock_{noon};
  FakeMachine machine_;
  HeldTasks tasks_;
  std::unique_ptr<Control> control_;
};

TEST_F(ControlTest, ARunThatIsClaimedAgainBeforeItsTaskIsBackIsStartedOnce) {
  const RunId id = db_->write([](db::Session& db) {
    const auto tenant = cupola::testing::add_tenant(db, "acme", noon);
    cupola::testing::add_live_release(db, tenant, {{.name = "daily", .state_ids = {"new"}}}, noon);
    store::NewRun run = cupola::testing::new_run(tenant, noon);
    run.tasks.clear();
    run.schedule_name = "daily";
    run.state_ids = {"as it was called before"};
    store::add_run(db, run, noon);
    return run.id;
  });
  tick();
  tasks_.work();  // to the queue, because it needs another state id

  tick();
  tasks_.come_back();
  tick();
  tasks_.work();
  tasks_.come_back();
  tick();

  EXPECT_EQ(machine_.starts[id], 1);
  const auto run = db_->read([&](db::Session& db) { return store::find_run(db, id); });
  EXPECT_EQ(run->status, store::RunStatus::starting);
}

}  // namespace
}  // namespace cupola::runner
