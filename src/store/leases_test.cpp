#include "store/leases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

class LeasesTest : public cupola::testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    db->write([&](db::Session& session) {
      const auto tenant = cupola::testing::add_tenant(session, "acme", noon);
      cupola::testing::add_live_release(session, tenant, {}, noon);
      add_run(session, cupola::testing::new_run(tenant, noon), noon);
      ASSERT_THAT(claim_runs(session, "theirs", 1, noon), SizeIs(1));
    });
  }
  std::vector<HeldRun> others_than(std::string_view worker) {
    return db->read([&](db::Session& session) { return list_runs_of_others(session, worker); });
  }
  void beat_of(std::string_view worker) {
    db->write([&](db::Session& session) { beat(session, worker); });
  }
  bool lose(const HeldRun& seen) {
    return db->write([&](db::Session& session) {
      return end_lost_run(session, seen, "gone", noon) == Finish::ended;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(On, LeasesTest, cupola::testing::databases());

TEST_P(LeasesTest, TheRunsOfOthersComeWithTheBeatOfTheirWorker) {
  EXPECT_EQ(others_than("mine").at(0).beat, 0);
  beat_of("theirs");
  beat_of("theirs");
  beat_of("mine");

  EXPECT_EQ(others_than("mine").at(0).beat, 2);
  EXPECT_EQ(others_than("mine").at(0).worker, "theirs");
  EXPECT_THAT(others_than("theirs"), IsEmpty());
}

TEST_P(LeasesTest, Case02ARunIsLostAlsoWhenItsWorkerNeverBeat) {
  EXPECT_TRUE(lose(others_than("mine").at(0)));

  EXPECT_THAT(others_than("mine"), IsEmpty());
}

TEST_P(LeasesTest, ARunWhoseWorkerHasBeatenSinceIsNotLost) {
  const HeldRun seen = others_than("mine").at(0);
  beat_of("theirs");

  EXPECT_FALSE(lose(seen));

  EXPECT_THAT(others_than("mine"), SizeIs(1));
}

TEST_P(LeasesTest, ARunThatWasTakenOverIsNotLost) {
  const HeldRun seen = others_than("mine").at(0);
  db->write(
      [&](db::Session& session) { ASSERT_TRUE(adopt_run(session, seen.lease.run, "theirs")); });

  EXPECT_FALSE(lose(seen));
}

}  // namespace
}  // namespace cupola::store
