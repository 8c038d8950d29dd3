#include "store/states.h"

#include <gmock/gmock.h>

#include "store/runs.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class StatesTest : public testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    tenant = db->write([](db::Session& session) {
      auto added = testing::add_tenant(session, "acme", noon);
      testing::add_live_release(session, added, {}, noon);
      return added;
    });
  }

  Lease start_run(const std::string& state_id) {
    return db->write([&](db::Session& session) {
      auto run = testing::new_run(tenant, noon);
      run.state_ids = {state_id};
      add_run(session, run, noon);
      return Lease{run.id, claim_runs(session, "w", 1, noon).at(0).lease_token};
    });
  }
  bool capture(const Lease& lease, const std::string& state_id, const std::string& payload,
               Instant now = noon) {
    return db->write([&](db::Session& session) {
      return capture_states(session, lease.run, lease.token, {{state_id, payload}}, now);
    });
  }
  bool finish(const Lease& lease, const std::vector<CapturedState>& states = {}) {
    return db->write([&](db::Session& session) {
      return finish_run(session, lease, {.status = RunStatus::succeeded}, states, noon) ==
             Finish::ended;
    });
  }
  Result<StateVersion> set(const std::string& state_id, const std::string& payload) {
    return db->write([&](db::Session& session) {
      return set_state(session, tenant.organization.key, tenant.project.key, state_id, payload,
                       StateOrigin::set, noon);
    });
  }
  std::vector<std::string> payloads(const std::string& state_id) {
    std::vector<std::string> found;
    db->read([&](db::Session& session) {
      for (const auto& version : list_state_versions(session, tenant.organization.key,
                                                     tenant.project.key, state_id, 100)) {
        EXPECT_EQ(version.payload, "");
        found.push_back(find_state(session, tenant.organization.key, tenant.project.key, state_id,
                                   version.version)
                            ->payload);
      }
    });
    return found;
  }

  testing::Tenant tenant;
};
INSTANTIATE_TEST_SUITE_P(On, StatesTest, testing::databases());

TEST_P(StatesTest, ARunRewritesItsOwnVersionUntilItEnds) {
  const Lease first = start_run("s");
  EXPECT_TRUE(capture(first, "s", R"({"a":1})"));
  EXPECT_TRUE(capture(first, "s", R"({"a":2})", noon + 1s));
  EXPECT_THAT(payloads("s"), ElementsAre(R"({"a":2})"));
  EXPECT_TRUE(finish(first, {{"s", R"({"a":3})"}}));

  const Lease second = start_run("s");
  EXPECT_TRUE(capture(second, "s", R"({"a":3})")) << "the same as the newest: nothing to write";
  EXPECT_THAT(payloads("s"), ElementsAre(R"({"a":3})"));
  EXPECT_TRUE(finish(second, {{"s", R"({"a":4})"}}));

  EXPECT_THAT(payloads("s"), ElementsAre(R"({"a":4})", R"({"a":3})"));
  EXPECT_FALSE(capture(second, "s", R"({"a":5})")) << "it ended";
}

TEST_P(StatesTest, ARunThatEndsMakesWhatItCapturedFinal) {
  const Lease lease = start_run("s");
  capture(lease, "s", R"({"a":1})");
  const auto find = [&] {
    return *db->read([&](db::Session& session) {
      return find_state(session, tenant.organization.key, tenant.project.key, "s");
    });
  };
  EXPECT_FALSE(find().final);

  finish(lease);

  EXPECT_TRUE(find().final);
  EXPECT_EQ(find().version, 1);
  EXPECT_EQ(find().run, lease.run);
  EXPECT_EQ(find().origin, StateOrigin::run);
}

TEST_P(StatesTest, ARunCannotWriteTheStateThatAnotherRunHolds) {
  const Lease holder = start_run("s");
  capture(holder, "s", R"({"a":1})");
  const Lease other = start_run("t");

  EXPECT_TRUE(finish(other, {{"s", R"({"a":99})"}, {"t", R"({"b":2})"}}));

  const auto payload = [&](const char* state_id) {
    return db->read([&](db::Session& session) {
      return find_state(session, tenant.organization.key, tenant.project.key, state_id)->payload;
    });
  };
  EXPECT_EQ(payload("s"), R"({"a":1})");
  EXPECT_EQ(payload("t"), R"({"b":2})");
}

TEST_P(StatesTest, WhatIsNoStateIsNotKeptAndTheRunEndsAllTheSame) {
  const Lease lease = start_run("s");

  EXPECT_TRUE(finish(lease, {{"s", "{\"torn"}, {"", "{}"}, {"t", "[]"}, {"u", "{\"\xff\":1}"}}));

  db->read([&](db::Session& session) {
    EXPECT_THAT(list_states(session, tenant.organization.key, tenant.project.key, "", 10),
                IsEmpty());
    EXPECT_EQ(find_run(session, lease.run)->status, RunStatus::succeeded);
  });
}

TEST_P(StatesTest, AHandCannotChangeWhatARunHolds) {
  const Lease lease = start_run("s");

  const auto refused = set("s", "{}");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr(lease.run.text()));
  EXPECT_TRUE(set("another", "{}"));

  finish(lease);
  ASSERT_TRUE(set("s", R"({"b":1})"));
  EXPECT_TRUE(set("s", R"({"b":2})")) << "nothing is left held";
  EXPECT_THAT(payloads("s"), ElementsAre(R"({"b":2})", R"({"b":1})"));
}

TEST_P(StatesTest, OnlyJsonObjectsAreSet) {
  for (const char* payload : {"", "1", "[]", "{", "null"}) {
    EXPECT_EQ(set("s", payload).error().kind, Error::Kind::invalid) << payload;
  }
  EXPECT_EQ(set("", "{}").error().kind, Error::Kind::invalid);
}

TEST_P(StatesTest, ListsShowTheNewestOfEachInOrder) {
  for (const char* state_id : {"b", "B", "a", "ä"}) {
    ASSERT_TRUE(set(state_id, R"({"v":1})"));
    ASSERT_TRUE(set(state_id, R"({"v":2})"));
  }

  db->read([&](db::Session& session) {
    const auto names = [&](const char* after, int limit) {
      std::vector<std::string> found;
      for (const auto& state :
           list_states(session, tenant.organization.key, tenant.project.key, after, limit)) {
        EXPECT_EQ(state.version, 2);
        found.push_back(state.state_id);
      }
      return found;
    };
    EXPECT_THAT(names("", 10), ElementsAre("B", "a", "b", "ä"));
    EXPECT_THAT(names("a", 1), ElementsAre("b"));
    EXPECT_THAT(list_states(session, OrganizationKey{"x"}, tenant.project.key, "", 9), IsEmpty());
  });
}

TEST_P(StatesTest, OldVersionsGoAndTheNewestStay) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(set("long", "{\"v\":" + std::to_string(i) + "}"));
  }
  ASSERT_TRUE(set("short", "{}"));

  const auto gone = db->write([&](db::Session& session) {
    EXPECT_EQ(trim_states(session, OrganizationKey{"x"}, 2, 9), 0);
    return trim_states(session, tenant.organization.key, 2, 2) +
           trim_states(session, tenant.organization.key, 2, 9);
  });

  EXPECT_EQ(gone, 3);
  EXPECT_THAT(payloads("long"), ElementsAre(R"({"v":5})", R"({"v":4})"));
  EXPECT_THAT(payloads("short"), ElementsAre("{}"));
  EXPECT_EQ(set("long", "{}")->version, 6);
}

TEST_P(StatesTest, DeletingTakesAllVersionsUnlessHeld) {
  ASSERT_TRUE(set("s", "{}"));
  const auto remove = [&](const OrganizationKey& organization) {
    return db->write([&](db::Session& session) {
      return delete_state(session, organization, tenant.project.key, "s");
    });
  };
  EXPECT_EQ(remove(OrganizationKey{"x"}).error().kind, Error::Kind::not_found);

  const Lease lease = start_run("s");
  EXPECT_EQ(remove(tenant.organization.key).error().kind, Error::Kind::conflict);
  finish(lease);
  EXPECT_TRUE(remove(tenant.organization.key));
  EXPECT_THAT(payloads("s"), IsEmpty());
}

}  // namespace
}  // namespace cupola::store
