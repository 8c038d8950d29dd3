#include "store/deployments.h"

#include <atomic>
#include <barrier>
#include <thread>

#include <gmock/gmock.h>

#include "store/runs.h"
#include "store/states.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class DeploymentsTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    tenant =
        db->write([](db::Session& session) { return testing::add_tenant(session, "Acme", noon); });
  }

  template <typename F>
  auto write(F work) {
    return db->write([&](db::Session& session) { return work(session); });
  }
  Deployment deployment() {
    return *write([&](db::Session& s) { return find_deployment(s, tenant.deployment.key); });
  }
  Release queue(bool refresh = false) {
    return write(
        [&](db::Session& s) { return queue_release(s, tenant.deployment, refresh, noon); });
  }
  std::optional<Release> claim(const char* worker = "w", Instant now = noon) {
    return write([&](db::Session& s) { return claim_release(s, worker, now, 1min); });
  }
  Result<void> switch_to(const Release& release, const char* worker = "w") {
    return write([&](db::Session& s) {
      return switch_over(s,
                         {.release = release.key,
                          .worker = worker,
                          .commit = "c0ffee",
                          .content = "{}",
                          .lock = "{\"l\":1}",
                          .plan = "{\"p\":1}"},
                         noon);
    });
  }
  void fail(const Release& release, const char* worker = "w") {
    write([&](db::Session& s) {
      fail_release(s, release.key, worker, "abc", "no such branch", noon);
      return 0;
    });
  }
  Release find(const ReleaseKey& key) {
    return *write([&](db::Session& s) { return find_release(s, key); });
  }

  testing::Tenant tenant;
};
INSTANTIATE_TEST_SUITE_P(On, DeploymentsTest, testing::databases());

TEST_P(DeploymentsTest, NamesAreOnesOwnWithinAProject) {
  const auto create = [&](const char* name) {
    return write([&](db::Session& s) {
      return create_deployment(s, tenant.organization.key, tenant.project.key, name, "dev", "main",
                               noon);
    });
  };
  const auto made = create("Dev 1");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->slug, "dev-1");
  EXPECT_EQ(create("dev-1").error().kind, Error::Kind::conflict);
  for (const char* name : {"", " x", "x\n", "---", "日本"}) {
    EXPECT_EQ(create(name).error().kind, Error::Kind::invalid) << name;
  }

  write([&](db::Session& s) {
    const auto find = [&](const OrganizationKey& organization, const char* name) {
      return find_deployment(s, organization, tenant.project.key, name);
    };
    EXPECT_EQ(find(tenant.organization.key, "Dev 1")->key, made->key);
    EXPECT_EQ(find(tenant.organization.key, "dev-1")->environment, "dev");
    EXPECT_FALSE(find(OrganizationKey{"x"}, "dev-1"));
    const auto list = [&](std::string_view after) {
      std::vector<std::string> names;
      for (const auto& listed :
           list_deployments(s, tenant.organization.key, std::nullopt, after, 10)) {
        names.push_back(listed.name);
      }
      return names;
    };
    EXPECT_THAT(list(""), ElementsAre("Acme", "Dev 1"));
    EXPECT_THAT(list(tenant.deployment.key.text()), ElementsAre("Dev 1"));
    set_revision(s, made->key, "v2", noon + 1min);
    EXPECT_EQ(find_deployment(s, made->key)->revision, "v2");
    return 0;
  });
}

TEST_P(DeploymentsTest, AReleaseGoesFromQueuedToLiveAndRetiresTheOneBefore) {
  EXPECT_EQ(queue().number, 1);
  EXPECT_EQ(queue(true).number, 1) << "it waits still";
  const auto first = claim();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->refresh_plugins);
  EXPECT_EQ(first->status, ReleaseStatus::building);
  EXPECT_FALSE(claim("other"));
  EXPECT_EQ(deployment().status, DeploymentStatus::deploying);

  ASSERT_TRUE(switch_to(*first));
  EXPECT_EQ(deployment().status, DeploymentStatus::live);
  EXPECT_EQ(deployment().release, first->key);
  EXPECT_EQ(find(first->key).commit, "c0ffee");
  EXPECT_EQ(find(first->key).lock, "{\"l\":1}");
  EXPECT_EQ(find(first->key).live_at, noon);

  EXPECT_EQ(queue().number, 2);
  const auto second = claim();
  ASSERT_TRUE(switch_to(*second));
  EXPECT_EQ(deployment().release, second->key);
  EXPECT_EQ(find(first->key).status, ReleaseStatus::retired);
  EXPECT_EQ(find(first->key).ended_at, noon);
  write([&](db::Session& s) {
    EXPECT_EQ(find_release(s, tenant.deployment.key, 2)->key, second->key);
    EXPECT_EQ(list_releases(s, tenant.deployment.key, 1).at(0).number, 2);
    return 0;
  });
}

TEST_P(DeploymentsTest, AFailedReleaseKeepsTheLiveOne) {
  queue();
  const auto live = claim();
  ASSERT_TRUE(switch_to(*live));
  queue();
  const auto failed = claim();

  fail(*failed);

  EXPECT_EQ(find(failed->key).status, ReleaseStatus::failed);
  EXPECT_EQ(find(failed->key).error, "no such branch");
  EXPECT_EQ(find(failed->key).commit, "abc");
  EXPECT_EQ(deployment().status, DeploymentStatus::failed);
  EXPECT_EQ(deployment().release, live->key);
  EXPECT_EQ(find(live->key).status, ReleaseStatus::live);
}

TEST_P(DeploymentsTest, OneOfADeploymentBuildsAtATimeAndTheNextFollows) {
  queue();
  const auto first = claim();
  queue();
  EXPECT_FALSE(claim("another")) << "the second waits for the first";
  ASSERT_TRUE(switch_to(*first));
  EXPECT_EQ(deployment().status, DeploymentStatus::deploying) << "one waits";
  EXPECT_EQ(claim()->number, 2);
}

TEST_P(DeploymentsTest, ABuilderThatIsGoneIsReplacedAndCannotSwitchOver) {
  const auto queued = queue();
  ASSERT_TRUE(claim("gone"));
  EXPECT_FALSE(claim("second", noon + 1min));
  write([&](db::Session& s) {
    EXPECT_TRUE(renew_release_lease(s, queued.key, "gone", noon + 5min));
    EXPECT_FALSE(has_claimable_release(s, "second", noon + 2min));
    return 0;
  });
  EXPECT_FALSE(claim("second", noon + 2min));

  EXPECT_EQ(claim("second", noon + 6min)->key, queued.key);
  const auto refused = switch_to(queued, "gone");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::conflict);
  fail(queued, "gone");
  EXPECT_FALSE(write(
      [&](db::Session& s) { return renew_release_lease(s, queued.key, "gone", noon + 9min); }));
  EXPECT_EQ(find(queued.key).status, ReleaseStatus::building);
  EXPECT_TRUE(switch_to(queued, "second"));
}

TEST_P(DeploymentsTest, ABuilderThatComesBackTakesUpItsOwnReleaseAtOnce) {
  const auto queued = queue();
  ASSERT_TRUE(claim("killed"));

  EXPECT_FALSE(claim("another"));
  EXPECT_EQ(claim("killed")->key, queued.key);
}

TEST_P(DeploymentsTest, OneBuilderGetsAReleaseHoweverManyAsk) {
  queue();
  constexpr int builders = 6;
  std::barrier start(builders);
  std::atomic<int> got = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < builders; ++i) {
    threads.emplace_back([&, i] {
      const auto own = is_in_memory() ? nullptr : db::Database::open({.url = place->url()});
      auto& database = own ? *own : *db;
      start.arrive_and_wait();
      if (database.write([&](db::Session& s) {
            return claim_release(s, "w" + std::to_string(i), noon, 1min);
          })) {
        ++got;
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(got, 1);
}

TEST_P(DeploymentsTest, OldReleasesAreSurplusUnlessLiveOrInUse) {
  std::vector<Release> releases;
  for (int i = 0; i < 5; ++i) {
    queue();
    releases.push_back(*claim());
    if (i == 1) {
      fail(releases.back());
    } else {
      ASSERT_TRUE(switch_to(releases.back()));
    }
    if (i == 2) {  // a run of the third release goes on
      write([&](db::Session& s) {
        add_run(s, testing::new_run(tenant, noon), noon);
        EXPECT_EQ(claim_runs(s, "w", 1, noon).size(), 1u);
        return 0;
      });
    }
  }

  write([&](db::Session& s) {
    EXPECT_THAT(list_surplus_releases(s, 2), ElementsAre(releases[0].key, releases[1].key));
    EXPECT_EQ(list_kept_releases(s).size(), 4u) << "the failed one has no content";
    forget_release(s, releases[0].key);
    forget_release(s, releases[4].key);
    EXPECT_THAT(list_surplus_releases(s, 2), ElementsAre(releases[1].key));
    EXPECT_EQ(list_kept_releases(s).size(), 3u) << "the live one is not forgotten";
    EXPECT_FALSE(find_release(s, releases[0].key)->content);
    return 0;
  });
}

TEST_P(DeploymentsTest, DeletingWaitsForRunsAndTakesEverythingAway) {
  const auto other = write([](db::Session& s) { return testing::add_tenant(s, "other", noon); });
  write([&](db::Session& s) {
    testing::add_live_release(s, tenant, {{.name = "daily", .interval = "@daily"}}, noon);
    const auto schedule = find_schedule(s, tenant.organization.key, tenant.deployment.key, "daily");
    record_fire(s, {.schedule = schedule->key, .nominal = noon, .due = noon, .noticed_at = noon});
    auto run = testing::new_run(tenant, noon);
    run.state_ids = {"s"};
    add_run(s, run, noon);
    return 0;
  });
  const auto delete_it = [&](const OrganizationKey& organization) {
    return write(
        [&](db::Session& s) { return delete_deployment(s, organization, tenant.deployment.key); });
  };

  EXPECT_EQ(delete_it(other.organization.key).error().kind, Error::Kind::not_found);
  EXPECT_EQ(delete_it(tenant.organization.key).error().kind, Error::Kind::conflict);
  write([&](db::Session& s) {
    const auto run = claim_runs(s, "w", 1, noon).at(0);
    finish_run(s, {run.id, run.lease_token}, {.status = RunStatus::succeeded}, {{"s", "{}"}}, noon);
    return 0;
  });
  EXPECT_TRUE(delete_it(tenant.organization.key));

  write([&](db::Session& s) {
    EXPECT_FALSE(find_deployment(s, tenant.deployment.key));
    EXPECT_THAT(list_runs(s, tenant.organization.key, {}, 10).runs, IsEmpty());
    EXPECT_TRUE(find_state(s, tenant.organization.key, tenant.project.key, "s"))
        << "state belongs to the project";
    EXPECT_TRUE(delete_project(s, tenant.organization.key, tenant.project.key));
    EXPECT_FALSE(find_project(s, tenant.project.key));
    EXPECT_TRUE(find_project(s, other.project.key));
    return 0;
  });
}

}  // namespace
}  // namespace cupola::store
