#include "store/deletions.h"

#include <gmock/gmock.h>

#include "store/deployments.h"
#include "store/notification_events.h"
#include "store/notifications.h"
#include "store/projects.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/states.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class DeletionsTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& s) {
      tenant = testing::add_tenant(s, "Acme", noon);
      other = testing::add_tenant(s, "other", noon);
      testing::add_live_release(s, tenant, {{.name = "daily", .interval = "@daily"}}, noon);
      schedule = find_schedule(s, tenant.organization.key, tenant.deployment.key, "daily")->key;
      set_enabled(s, schedule, true, noon);
      record_fire(s, {.schedule = schedule, .nominal = noon, .due = noon, .noticed_at = noon});
    });
  }

  template <typename F>
  auto write(F work) {
    return db->write([&](db::Session& session) { return work(session); });
  }
  RunId add_run_with_state(const char* state_id) {
    auto run = testing::new_run(tenant, noon);
    run.state_ids = {state_id};
    write([&](db::Session& s) { add_run(s, run, noon); });
    return run.id;
  }
  Lease claim() {
    return write([&](db::Session& s) {
      const auto run = claim_runs(s, "w", 1, noon).at(0);
      return Lease{run.id, run.lease_token};
    });
  }
  Finish finish(const Lease& lease, RunStatus status = RunStatus::succeeded) {
    return write([&](db::Session& s) {
      return finish_run(s, lease, {.status = status}, {{"s", "{}"}}, noon);
    });
  }
  store::Run find(const RunId& id) {
    return *write([&](db::Session& s) { return find_run(s, id); });
  }
  Result<void> delete_it(Instant now = noon) {
    return write([&](db::Session& s) {
      return delete_deployment(s, tenant.organization.key, tenant.deployment.key, now);
    });
  }
  Deployment deployment() {
    return *write([&](db::Session& s) { return find_deployment(s, tenant.deployment.key); });
  }
  Deployment make_again() {
    return *write([&](db::Session& s) {
      return create_deployment(s, tenant.organization.key, tenant.project.key, "Acme", "prod",
                               "main", noon);
    });
  }
  std::vector<Notification> notifications() {
    return write(
        [&](db::Session& s) { return list_notifications(s, tenant.organization.key, {}, "", 10); });
  }
  void tell_somebody() {
    write([&](db::Session& s) {
      EXPECT_TRUE(set_notification(
          s,
          {.organization = tenant.organization.key,
           .scope = {.project = tenant.project.key, .deployment = tenant.deployment.key},
           .type = NotificationType::email,
           .recipient = "a@b.example",
           .filters = {}},
          noon));
    });
  }

  testing::Tenant tenant;
  testing::Tenant other;
  ScheduleKey schedule;
};
INSTANTIATE_TEST_SUITE_P(On, DeletionsTest, testing::databases());

TEST_P(DeletionsTest, ADeletedDeploymentIsOutOfTheWayAndItsHistoryIsThere) {
  const RunId run = add_run_with_state("s");
  finish(claim());
  const auto foreseen = write([&](db::Session& s) {
    return foresee_deletion(s, tenant.organization.key, tenant.project.key, tenant.deployment.key);
  });
  EXPECT_EQ(foreseen.ended_runs, 1);
  EXPECT_EQ(foreseen.open_runs, 0);
  EXPECT_EQ(foreseen.enabled_schedules, 1);
  EXPECT_EQ(foreseen.releases, 1);
  EXPECT_EQ(foreseen.states, 1);

  EXPECT_EQ(write([&](db::Session& s) {
              return delete_deployment(s, other.organization.key, tenant.deployment.key, noon);
            })
                .error()
                .kind,
            Error::Kind::not_found);
  ASSERT_TRUE(delete_it());
  EXPECT_EQ(delete_it().error().kind, Error::Kind::not_found) << "it is deleted already";

  write([&](db::Session& s) {
    const auto& organization = tenant.organization.key;
    EXPECT_FALSE(find_deployment(s, organization, tenant.project.key, "Acme"));
    EXPECT_EQ(find_deployment_ever(s, organization, tenant.project.key, "acme~1")->key,
              tenant.deployment.key);
    EXPECT_THAT(list_deployments(s, organization, std::nullopt, "", 10), IsEmpty());
    EXPECT_THAT(list_deployments(s, organization, std::nullopt, "", 10, true), SizeIs(1));
    EXPECT_THAT(list_schedules(s, organization, std::nullopt, std::nullopt, "", 10), IsEmpty());
    EXPECT_FALSE(next_due(s));
    EXPECT_THAT(list_unplanned_schedules(s, 10), IsEmpty());
    const auto page = list_runs(s, organization, {.deployment = tenant.deployment.key}, 10);
    EXPECT_EQ(page.runs.at(0).run.id, run);
    EXPECT_EQ(page.runs.at(0).deployment_name, "Acme");
    EXPECT_THAT(list_releases(s, tenant.deployment.key, 10), SizeIs(1));
    EXPECT_THAT(list_fires(s, schedule, 10), SizeIs(1));
    EXPECT_TRUE(find_state(s, organization, tenant.project.key, "s"))
        << "state belongs to the project";
  });
  EXPECT_EQ(deployment().status, DeploymentStatus::deleted);
  EXPECT_EQ(deployment().deleted_at, noon);
  EXPECT_FALSE(deployment().release);
}

TEST_P(DeletionsTest, OpenRunsAreCancelledAndTellWhy) {
  const RunId running = add_run_with_state("s");
  const Lease lease = claim();
  const RunId waiting = add_run_with_state("t");

  ASSERT_TRUE(delete_it());

  EXPECT_EQ(find(waiting).status, RunStatus::cancelled);
  EXPECT_EQ(find(waiting).cancel_code, "deployment_deleted");
  EXPECT_EQ(find(waiting).cause, "Its deployment was deleted.");
  EXPECT_EQ(find(running).status, RunStatus::stopping);
  EXPECT_FALSE(write([&](db::Session& s) { return is_over(s, tenant.deployment.key); }));
  EXPECT_EQ(finish(lease, RunStatus::cancelled), Finish::ended);
  EXPECT_EQ(find(running).cancel_code, "deployment_deleted");
  EXPECT_TRUE(write([&](db::Session& s) { return is_over(s, tenant.deployment.key); }));
  EXPECT_FALSE(write([&](db::Session& s) { return is_over(s, other.deployment.key); }));
}

TEST_P(DeletionsTest, AReleaseOnItsWayEndsWithItsDeployment) {
  const auto claimed = write([&](db::Session& s) {
    queue_release(s, tenant.deployment, {}, noon);
    return *claim_release(s, "w", noon, 1min);
  });
  write([&](db::Session& s) { queue_release(s, tenant.deployment, {}, noon); });

  ASSERT_TRUE(delete_it());

  write([&](db::Session& s) {
    EXPECT_FALSE(renew_release_lease(s, claimed.key, "w", noon + 1min));
    EXPECT_FALSE(switch_over(s,
                             {.release = claimed.key,
                              .worker = "w",
                              .commit = "c",
                              .content = "{}",
                              .lock = "{}",
                              .plan = "{}"},
                             noon));
    EXPECT_EQ(find_release(s, claimed.key)->error, "The deployment was deleted.");
    EXPECT_FALSE(has_claimable_release(s, "w", noon + 1h));
    EXPECT_FALSE(is_checkout_kept(s, claimed.key));
    EXPECT_TRUE(is_release_log_kept(s, claimed.key));
    EXPECT_THAT(list_kept_releases(s), IsEmpty());
  });
}

TEST_P(DeletionsTest, OneOfTheSameNameHasNothingOfTheOldOne) {
  ASSERT_TRUE(delete_it());
  const Deployment again = make_again();
  testing::Tenant anew = tenant;
  anew.deployment = again;
  write([&](db::Session& s) {
    testing::add_live_release(s, anew, {{.name = "daily", .interval = "@daily"}}, noon);
    const auto daily = find_schedule(s, tenant.organization.key, again.key, "daily");
    EXPECT_NE(daily->key, schedule);
    EXPECT_FALSE(daily->enabled);
    ASSERT_TRUE(delete_deployment(s, tenant.organization.key, again.key, noon));
    EXPECT_EQ(find_deployment(s, again.key)->slug, "acme~2");
    EXPECT_EQ(find_deployment(s, tenant.deployment.key)->slug, "acme~1");
  });
}

TEST_P(DeletionsTest, NotificationsOfItStayUntilTheyHaveToldOfItsLastRun) {
  tell_somebody();
  add_run_with_state("s");
  const Lease lease = claim();

  ASSERT_TRUE(delete_it());
  const auto drop = [&] { write([](db::Session& s) { drop_silent_notifications(s); }); };
  drop();
  EXPECT_THAT(notifications(), SizeIs(1)) << "a run goes on";
  finish(lease, RunStatus::cancelled);
  drop();
  EXPECT_THAT(notifications(), SizeIs(1)) << "nobody was told yet";
  write([&](db::Session& s) {
    const auto events = take_open_events(s, 10);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].cancel_code, "deployment_deleted");
    mark_handled(s, events[0].id);
  });
  drop();
  EXPECT_THAT(notifications(), IsEmpty());
}

TEST_P(DeletionsTest, NotificationsOfOneThatHasNothingToTellGoAtOnce) {
  tell_somebody();

  ASSERT_TRUE(delete_it());

  EXPECT_THAT(notifications(), IsEmpty());
}

TEST_P(DeletionsTest, AProjectGoesWithItsDeploymentsStatesAndSecrets) {
  add_run_with_state("s");
  finish(claim());
  const RunId waiting = add_run_with_state("s");
  const auto& organization = tenant.organization.key;

  write([&](db::Session& s) {
    EXPECT_EQ(foresee_deletion(s, organization, tenant.project.key, std::nullopt).deployments, 1);
    EXPECT_EQ(delete_project(s, other.organization.key, tenant.project.key, noon).error().kind,
              Error::Kind::not_found);
    ASSERT_TRUE(delete_project(s, organization, tenant.project.key, noon));
    EXPECT_EQ(delete_project(s, organization, tenant.project.key, noon).error().kind,
              Error::Kind::not_found);

    EXPECT_FALSE(find_project(s, organization, "Acme"));
    EXPECT_FALSE(find_project(s, organization, tenant.project.id));
    EXPECT_EQ(find_project_ever(s, organization, "acme~1")->key, tenant.project.key);
    EXPECT_THAT(list_projects(s, organization, "", 10), IsEmpty());
    EXPECT_EQ(find_deployment(s, tenant.deployment.key)->status, DeploymentStatus::deleted);
    EXPECT_FALSE(find_state(s, organization, tenant.project.key, "s"));
    EXPECT_THAT(list_runs(s, organization, {}, 10).runs, SizeIs(2));
    EXPECT_TRUE(is_over(s, tenant.project.key));
    EXPECT_FALSE(is_over(s, other.project.key));
    EXPECT_TRUE(create_project(s, organization, "Acme", "https://git.example/x", ".", noon));
  });
  EXPECT_EQ(find(waiting).cancel_code, "deployment_deleted");
}

TEST_P(DeletionsTest, WhatIsDeletedGoesWithTheLastOfItsHistory) {
  add_run_with_state("s");
  finish(claim());
  write([&](db::Session& s) {
    ASSERT_TRUE(delete_project(s, tenant.organization.key, tenant.project.key, noon));
  });
  const auto purge = [&](Instant before) {
    return write([&](db::Session& s) { return purge_deleted(s, tenant.organization.key, before); });
  };

  EXPECT_EQ(purge(noon + 1ms), 0) << "it has a run";
  write([&](db::Session& s) {
    EXPECT_THAT(delete_old_runs(s, tenant.organization.key, noon + 1ms, 10), SizeIs(1));
  });
  EXPECT_EQ(purge(noon), 0) << "it was deleted a moment ago";
  EXPECT_EQ(purge(noon + 1ms), 2);

  write([&](db::Session& s) {
    EXPECT_FALSE(find_deployment(s, tenant.deployment.key));
    EXPECT_FALSE(find_project(s, tenant.project.key));
    EXPECT_TRUE(find_project(s, other.project.key));
  });
}

}  // namespace
}  // namespace cupola::store
