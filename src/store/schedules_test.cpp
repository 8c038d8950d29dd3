#include "store/schedules.h"

#include <gmock/gmock.h>

#include "store/deletions.h"
#include "store/deployments.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class SchedulesTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    tenant =
        db->write([](db::Session& session) { return testing::add_tenant(session, "acme", noon); });
  }

  static ReleasedSchedule released(const std::string& name, const std::string& interval) {
    return {.name = name, .interval = interval, .state_ids = {"s"}};
  }
  /// Each new schedule gets the next of the offsets 1, 2, 3 …
  std::vector<Schedule> replace(const std::vector<ReleasedSchedule>& schedules, Instant now) {
    return db->write([&](db::Session& session) {
      return replace_schedules(
          session, tenant.deployment.key, schedules, [&] { return std::chrono::minutes{++drawn}; },
          now);
    });
  }
  Schedule find(const std::string& name) {
    return *db->read([&](db::Session& session) {
      return find_schedule(session, tenant.organization.key, tenant.deployment.key, name);
    });
  }
  void enable(const ScheduleKey& key, bool enabled, Instant now = noon) {
    db->write([&](db::Session& session) { set_enabled(session, key, enabled, now); });
  }
  /// What the API sets.
  void set(const std::string& name, const ScheduleSettings& own, Instant now) {
    const Schedule schedule = find(name);
    db->write([&](db::Session& session) { set_own_settings(session, schedule, own, now); });
  }
  bool plan(const ScheduleKey& key, std::optional<Instant> was, std::optional<Instant> due) {
    return db->write(
        [&](db::Session& session) { return set_next_fire(session, key, was, due, due, noon); });
  }

  testing::Tenant tenant;
  int drawn = 0;
};
INSTANTIATE_TEST_SUITE_P(On, SchedulesTest, testing::databases());

TEST_P(SchedulesTest, ANewScheduleIsOffWithItsOffset) {
  const auto all = replace({released("a", "@daily"), released("b", "@hourly")}, noon);

  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[0].organization, tenant.organization.key);
  EXPECT_EQ(all[0].project, tenant.project.key);
  EXPECT_FALSE(all[0].enabled);
  EXPECT_FALSE(all[0].planned);
  EXPECT_EQ(all[0].offset, 1min);
  EXPECT_EQ(all[1].offset, 2min);
  EXPECT_EQ(all[0].interval_since, noon);
  EXPECT_EQ(all[0].state_ids, std::vector<std::string>{"s"});
}

TEST_P(SchedulesTest, OneThatVanishesAndComesBackKeepsOffsetAndSwitch) {
  replace({released("a", "@daily")}, noon);
  const auto key = find("a").key;
  enable(key, true);
  ASSERT_TRUE(plan(key, std::nullopt, noon + 1h));

  const auto without = replace({}, noon + 1min);
  ASSERT_EQ(without.size(), 1u);
  EXPECT_FALSE(without[0].present);
  EXPECT_FALSE(without[0].due_at);
  db->read([&](db::Session& session) {
    EXPECT_FALSE(find_schedule(session, tenant.organization.key, tenant.deployment.key, "a"));
    EXPECT_THAT(list_due_schedules(session, Instant(), noon + 24h, 10), IsEmpty());
    EXPECT_THAT(list_unplanned_schedules(session, 10), IsEmpty());
  });

  replace({released("a", "@daily")}, noon + 2min);
  const Schedule back = find("a");
  EXPECT_EQ(back.key, key);
  EXPECT_TRUE(back.enabled);
  EXPECT_EQ(back.enabled_at, noon);
  EXPECT_EQ(back.offset, 1min);
  EXPECT_EQ(back.interval_since, noon + 2min);
  EXPECT_FALSE(back.planned);
}

TEST_P(SchedulesTest, OnlyAnotherIntervalOrZoneIsPlannedAnew) {
  replace({released("same", "@daily"), released("other", "@daily"), released("zone", "@daily")},
          noon);
  for (const char* name : {"same", "other", "zone"}) {
    enable(find(name).key, true);
    ASSERT_TRUE(plan(find(name).key, std::nullopt, noon + 1h));
  }

  auto same = released("same", "@daily");
  same.given.overlap = Overlap::skip;
  same.given.missed = Missed::all;
  same.given.run_timeout = 5min;
  same.given.retries = 4;
  same.given.retry_wait = 2min;
  same.state_ids = {"t", "u"};
  auto zone = released("zone", "@daily");
  zone.given.timezone = "Europe/Berlin";
  replace({same, released("other", "@hourly"), zone}, noon + 1min);

  EXPECT_EQ(find("same").due_at, noon + 1h);
  EXPECT_TRUE(find("same").planned);
  EXPECT_EQ(find("same").overlap, Overlap::skip);
  EXPECT_EQ(find("same").missed, Missed::all);
  EXPECT_EQ(find("same").run_timeout, 5min);
  EXPECT_EQ(find("same").retries, 4);
  EXPECT_EQ(find("same").retry_wait, 2min);
  EXPECT_EQ(find("same").state_ids.size(), 2u);
  EXPECT_EQ(find("same").interval_since, noon);
  for (const char* name : {"other", "zone"}) {
    EXPECT_FALSE(find(name).planned) << name;
    EXPECT_FALSE(find(name).due_at) << name;
    EXPECT_EQ(find(name).interval_since, noon + 1min) << name;
  }
}

TEST_P(SchedulesTest, WhatTheApiSetsWinsAndADeployDoesNotUndoIt) {
  auto load = released("a", "@daily");
  load.given = {.overlap = Overlap::skip, .retries = 1};
  replace({load}, noon);

  set("a", {.retries = 5, .run_timeout = 1h}, noon);
  EXPECT_EQ(find("a").retries, 5);
  load.given = {.missed = Missed::all, .retries = 2, .run_timeout = 3h};
  replace({load}, noon + 1min);

  Schedule now = find("a");
  EXPECT_EQ(now.retries, 5);
  EXPECT_EQ(now.run_timeout, 1h);
  EXPECT_EQ(now.missed, Missed::all);
  EXPECT_EQ(now.overlap, Overlap::queue_one) << "no longer given";
  EXPECT_EQ(now.given, load.given);
  EXPECT_EQ(now.own, (ScheduleSettings{.retries = 5, .run_timeout = 1h}));

  replace({}, noon + 2min);
  replace({load}, noon + 3min);
  EXPECT_EQ(find("a").retries, 5) << "also when it had vanished";
  set("a", {}, noon + 4min);
  now = find("a");
  EXPECT_EQ(now.retries, 2) << "as meltano.yml says";
  EXPECT_EQ(now.run_timeout, 3h);
  EXPECT_EQ(now.state_ids, std::vector<std::string>{"s"});
}

TEST_P(SchedulesTest, AnotherOffsetMovesTheFireThatIsAwaitedAndNoOther) {
  replace({released("a", "@hourly")}, noon);
  const auto key = find("a").key;
  enable(key, true);
  // 14:00 with the drawn offset of 1 minute.
  db->write([&](db::Session& session) {
    set_next_fire(session, key, std::nullopt, noon + 2h + 1min, noon + 2h, noon);
  });

  set("a", {.offset = OffsetRule{.minutes = 30min}}, noon + 1h);
  EXPECT_EQ(find("a").due_at, noon + 2h + 30min);
  EXPECT_EQ(find("a").due_nominal, noon + 2h);
  EXPECT_EQ(find("a").offset, 30min);
  EXPECT_EQ(find("a").interval_since, noon);
  EXPECT_TRUE(find("a").planned);

  set("a", {.offset = OffsetRule{.minutes = -30min}}, noon + 1h + 45min);
  EXPECT_EQ(find("a").due_at, noon + 1h + 45min) << "its time has gone by: now";
  EXPECT_EQ(find("a").due_nominal, noon + 2h);

  set("a", {}, noon + 1h + 46min);
  EXPECT_EQ(find("a").offset, 1min) << "the one that was drawn";
  EXPECT_EQ(find("a").due_at, noon + 2h + 1min);

  auto zero = released("a", "@hourly");
  zero.given.offset = OffsetRule{.minutes = 0min};
  replace({zero}, noon + 1h + 47min);
  EXPECT_EQ(find("a").due_at, noon + 2h) << "likewise in a deploy";
  set("a", {.offset = OffsetRule{}}, noon + 1h + 48min);
  EXPECT_EQ(find("a").offset, 1min) << "random over meltano.yml's";
  EXPECT_EQ(drawn, 1);
}

TEST_P(SchedulesTest, AnotherZoneThroughTheApiIsPlannedAnew) {
  replace({released("a", "@daily")}, noon);
  enable(find("a").key, true);
  ASSERT_TRUE(plan(find("a").key, std::nullopt, noon + 12h));

  set("a", {.timezone = "Europe/Berlin"}, noon + 1h);

  EXPECT_FALSE(find("a").planned);
  EXPECT_EQ(find("a").interval_since, noon + 1h);
  EXPECT_EQ(find("a").timezone, "Europe/Berlin");
}

TEST_P(SchedulesTest, WhatIsPlannedByAnotherOffsetIsNotTaken) {
  replace({released("a", "@daily")}, noon);
  enable(find("a").key, true);
  const Schedule seen = find("a");

  set("a", {.offset = OffsetRule{.minutes = 5min}}, noon);

  const Schedule now = find("a");
  db->write([&](db::Session& session) {
    EXPECT_FALSE(is_unchanged(session, seen));
    EXPECT_TRUE(is_unchanged(session, now));
  });
}

TEST_P(SchedulesTest, ADeploymentMadeAgainStartsOffWithNewDraws) {
  replace({released("a", "@daily")}, noon);
  enable(find("a").key, true);
  set("a", {.retries = 3}, noon);
  db->write([&](db::Session& session) {
    ASSERT_TRUE(delete_deployment(session, tenant.organization.key, tenant.deployment.key, noon));
    tenant.deployment = *create_deployment(session, tenant.organization.key, tenant.project.key,
                                           tenant.deployment.name, "prod", "main", noon);
  });

  replace({released("a", "@daily")}, noon + 1h);

  EXPECT_FALSE(find("a").enabled);
  EXPECT_EQ(find("a").offset, 2min);
  EXPECT_EQ(find("a").retries, 0);
}

TEST_P(SchedulesTest, TheSwitchForgetsWhatWasPlanned) {
  replace({released("a", "@daily")}, noon);
  const auto key = find("a").key;

  enable(key, true);
  EXPECT_EQ(find("a").enabled_at, noon);
  ASSERT_TRUE(plan(key, std::nullopt, noon + 1h));
  enable(key, true, noon + 1min);
  EXPECT_EQ(find("a").enabled_at, noon) << "on already";
  EXPECT_EQ(find("a").due_at, noon + 1h);

  enable(key, false);
  EXPECT_FALSE(find("a").due_at);
  EXPECT_FALSE(plan(key, std::nullopt, noon + 1h)) << "it is off";
}

TEST_P(SchedulesTest, ANextFireThatAnotherServerMovedIsLeftAlone) {
  replace({released("a", "@daily")}, noon);
  const auto key = find("a").key;
  enable(key, true);
  ASSERT_TRUE(plan(key, std::nullopt, noon + 1h));

  EXPECT_FALSE(plan(key, std::nullopt, noon + 3h));
  EXPECT_FALSE(plan(key, noon + 2h, noon + 3h));
  EXPECT_TRUE(plan(key, noon + 1h, noon + 2h));
  EXPECT_TRUE(plan(key, noon + 2h, std::nullopt)) << "none awaited";
  EXPECT_TRUE(find("a").planned);
}

TEST_P(SchedulesTest, DueOnesComeSoonestFirst) {
  replace({released("a", "@daily"), released("b", "@daily"), released("c", "@daily")}, noon);
  for (const char* name : {"a", "b", "c"}) enable(find(name).key, true);
  db->read([&](db::Session& session) {
    EXPECT_EQ(list_unplanned_schedules(session, 10).size(), 3u);
    EXPECT_FALSE(next_due(session));
  });
  plan(find("a").key, std::nullopt, noon + 2min);
  plan(find("b").key, std::nullopt, noon + 1min);
  plan(find("c").key, std::nullopt, noon + 3min);

  db->read([&](db::Session& session) {
    std::vector<std::string> due;
    for (const auto& schedule : list_due_schedules(session, noon, noon + 2min, 10)) {
      due.push_back(schedule.name);
    }
    EXPECT_THAT(due, ElementsAre("b", "a"));
    EXPECT_EQ(list_due_schedules(session, noon + 1min, noon + 3min, 10).size(), 2u);
    EXPECT_EQ(next_due(session), noon + 1min);
    EXPECT_THAT(list_unplanned_schedules(session, 10), IsEmpty());
  });
}

TEST_P(SchedulesTest, ListsAreTheOrganizationsOwnAndGoOnAfterAKey) {
  replace({released("b", "@daily"), released("a", "@daily"), released("c", "@daily")}, noon);
  const auto after = find("a").key.text();

  db->read([&](db::Session& session) {
    const auto names = [&](const OrganizationKey& organization, std::string_view cursor,
                           int limit) {
      std::vector<std::string> found;
      for (const auto& schedule : list_schedules(session, organization, tenant.project.key,
                                                 tenant.deployment.key, cursor, limit)) {
        found.push_back(schedule.name);
      }
      return found;
    };
    EXPECT_THAT(names(tenant.organization.key, "", 10), ElementsAre("a", "b", "c"));
    EXPECT_THAT(names(tenant.organization.key, after, 1), ElementsAre("b"));
    EXPECT_THAT(names(OrganizationKey{"x"}, "", 10), IsEmpty());
  });
}

TEST_P(SchedulesTest, AFireIsRecordedOnce) {
  replace({released("a", "@daily")}, noon);
  Fire fire{.schedule = find("a").key,
            .nominal = noon,
            .due = noon + 1min,
            .run = new_id<RunId>(),
            .noticed_at = noon + 2min};

  db->write([&](db::Session& session) {
    EXPECT_TRUE(record_fire(session, fire));
    fire.outcome = FireOutcome::missed;
    EXPECT_FALSE(record_fire(session, fire));
    fire.nominal = noon + 24h;
    fire.run.reset();
    fire.count = 7;
    EXPECT_TRUE(record_fire(session, fire));

    const auto fires = list_fires(session, fire.schedule, 10);
    ASSERT_EQ(fires.size(), 2u);
    EXPECT_EQ(fires[0].nominal, noon + 24h);
    EXPECT_EQ(fires[0].outcome, FireOutcome::missed);
    EXPECT_EQ(fires[0].count, 7);
    EXPECT_FALSE(fires[0].run);
    EXPECT_EQ(fires[1].outcome, FireOutcome::run);
    EXPECT_TRUE(fires[1].run);

    EXPECT_EQ(delete_old_fires(session, tenant.organization.key, noon + 1h, 10), 1);
    EXPECT_EQ(list_fires(session, fire.schedule, 10).size(), 1u);
  });
}

}  // namespace
}  // namespace cupola::store
