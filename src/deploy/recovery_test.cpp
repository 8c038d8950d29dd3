#include <condition_variable>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>

#include "deploy/build_box.h"
#include "deploy/clean_up.h"
#include "deploy/deployer_test.h"
#include "deploy/environments.h"

namespace cupola::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(DeployerTest, ADeployThatWasKilledIsTakenUpAgain) {
  commit_project("tap-x");
  const auto deployment = now(tenant);
  const auto queued = database->write(
      [&](db::Session& db) { return store::queue_release(db, deployment, {}, clock.now()); });
  database->write(
      [&](db::Session& db) { return store::claim_release(db, "dead", clock.now(), 20s); });
  fs::create_directories(home().release(queued.key) / "checkout.new/half");
  EXPECT_NE(deployer()->step(), std::optional(0ms));

  clock.advance(21s);
  EXPECT_EQ(deployer()->step(), std::optional(0ms));

  ASSERT_TRUE(is_live(find(queued.key))) << log(queued);
  // Half an environment is none.
  const auto first = find(queued.key);
  remove_tree(environment(first));
  fs::create_directories(environment(first) / "lib");
  const auto second = deploy();
  EXPECT_TRUE(is_live(second)) << log(second);
  EXPECT_TRUE(fs::exists(environment(second) / "bin/tap-x"));
}

/// A clock at which whoever asks from the `calls`th time on stands still: a server that hangs.
class HangingClock : public Clock {
 public:
  HangingClock(const Clock& clock, int calls) : clock_(clock), calls_(calls) {}

  Instant now() const override {
    std::unique_lock lock(mutex_);
    if (calls_ > 0) --calls_;
    hangs_ |= calls_ == 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hangs_ || goes_on_; });
    return clock_.now();
  }
  void wait_until_it_hangs() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hangs_; });
  }
  void go_on() {
    const std::scoped_lock lock(mutex_);
    goes_on_ = true;
    changed_.notify_all();
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int calls_;
  mutable bool hangs_ = false;
  bool goes_on_ = false;
};

TEST_F(DeployerTest, case_04_ABuilderThatHangsIsReplacedAndDoesNoHarmWhenItComesBack) {
  commit_project("tap-x");
  const auto deployment = now(tenant);
  const auto queued = database->write(
      [&](db::Session& db) { return store::queue_release(db, deployment, {}, clock.now()); });
  const auto options = [&](const char* worker) {
    return Options{.worker = worker, .allow_local_repositories = true, .sandbox = sandbox};
  };
  // Two looks at the queue and the first line of the log come before: it hangs after the fetch.
  HangingClock hanging(clock, 4);
  bool told = false;
  Deployer hung({.database = *database, .vault = *vault, .clock = hanging, .home = home()},
                options("hung"), [&](const store::Release&) { told = true; });
  const Home other_home(root / "other", home().logs());
  Deployer other({.database = *database, .vault = *vault, .clock = clock, .home = other_home},
                 options("other"));

  std::thread thread([&] { EXPECT_EQ(hung.step(), std::optional(0ms)); });
  hanging.wait_until_it_hangs();
  EXPECT_NE(other.step(), std::optional(0ms)) << "its lease has not ended";
  clock.advance(21s);
  EXPECT_EQ(other.step(), std::optional(0ms));
  const auto live = find(queued.key);
  hanging.go_on();
  thread.join();

  ASSERT_TRUE(is_live(live)) << log(queued);
  const auto after = find(queued.key);
  EXPECT_TRUE(is_live(after));
  EXPECT_EQ(after.live_at, live.live_at);
  EXPECT_FALSE(told);
  EXPECT_THAT(log(queued), HasSubstr("another one took the release over"));
  EXPECT_THAT(log(queued), ::testing::Not(HasSubstr("failed")));
}

TEST_F(DeployerTest, AServerThatNeverSawAReleaseMakesItsCheckoutAlone) {
  commit_project("tap-x");
  const auto release = deploy();
  ASSERT_TRUE(is_live(release)) << log(release);
  const Home elsewhere(root / "elsewhere");
  Deployer there({.database = *database, .vault = *vault, .clock = clock, .home = elsewhere},
                 {.worker = "there", .allow_local_repositories = true, .sandbox = sandbox});

  ASSERT_TRUE(there.ensure_checkout(release));
  EXPECT_TRUE(fs::exists(elsewhere.checkout(release.key) / "meltano.yml"));
  EXPECT_FALSE(fs::exists(elsewhere.environments() / tap_key(release)));

  ASSERT_TRUE(there.ensure_files(release));
  EXPECT_TRUE(fs::exists(elsewhere.environments() / tap_key(release) / manifest_name));
}

TEST_F(DeployerTest, StoppingGivesTheReleaseBackAtOnce) {
  commit_project("tap-x");
  const auto deployment = now(tenant);
  const auto queued = database->write(
      [&](db::Session& db) { return store::queue_release(db, deployment, {}, clock.now()); });
  const auto stopped = deployer();
  stopped->stop();
  EXPECT_EQ(stopped->step(), std::nullopt);

  EXPECT_EQ(deployer()->step(), std::optional(0ms));
  EXPECT_TRUE(is_live(find(queued.key))) << log(queued);
}

TEST_F(DeployerTest, MissingFilesAreMadeAgainFromGitAndLock) {
  put_package("plugins/local", "x = 1\n");
  commit_project("./plugins/local");
  const auto release = deploy();
  ASSERT_TRUE(is_live(release)) << log(release);
  for (const char* name : {"releases", "environments", "repositories", "cache"}) {
    remove_tree(root / "home" / name);
  }

  const auto made = deployer()->ensure_files(release);

  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(fs::exists(home().checkout(release.key) / "meltano.yml"));
  EXPECT_TRUE(fs::exists(environment(release) / manifest_name));
  EXPECT_TRUE(deployer()->ensure_files(release));
}

TEST_F(DeployerTest, CleanUpTakesWhatNobodyNeeds) {
  commit_project("tap-x");
  const auto first = deploy();
  add_wheel("tap-x", "2.0");
  const auto second = deploy(true);
  const auto third = deploy();
  ASSERT_TRUE(is_live(third)) << log(third);
  const Instant later =
      Instant{std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())} +
      15 * 24h;

  make_folder(home().persisted(tenant.deployment.key) / "output");
  make_folder(home().persisted(DeploymentKey{"gone"}) / "output");
  const Removed none = clean_up(*database, home(), {}, later);
  const Removed some = clean_up(*database, home(), {.releases = 1}, later);

  EXPECT_EQ(none.releases, 0);
  EXPECT_EQ(none.environments, 0);
  EXPECT_TRUE(fs::exists(home().persisted(tenant.deployment.key) / "output"));
  EXPECT_FALSE(fs::exists(home().persisted(DeploymentKey{"gone"})));
  EXPECT_GE(some.releases, 1);
  EXPECT_EQ(some.environments, 1);
  EXPECT_FALSE(fs::exists(home().release(first.key)));
  EXPECT_FALSE(fs::exists(home().deploy_log(first.key)));
  // Another server's folder: the row says that the release was cleaned up.
  const Home other(root / "other");
  make_folder(other.release(first.key));
  make_folder(other.release(third.key));
  clean_up(*database, other, {.releases = 1}, later);
  EXPECT_FALSE(fs::exists(other.release(first.key)));
  EXPECT_TRUE(fs::exists(other.release(third.key)));
  EXPECT_FALSE(fs::exists(home().environments() / tap_key(first)));
  EXPECT_TRUE(fs::exists(environment(second)));
  EXPECT_TRUE(fs::exists(home().checkout(third.key)));
}

}  // namespace
}  // namespace cupola::deploy
