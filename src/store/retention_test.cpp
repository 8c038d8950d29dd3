#include "store/retention.h"

#include <gmock/gmock.h>

#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::HasSubstr;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class RetentionTest : public testing::EachDatabase {};
INSTANTIATE_TEST_SUITE_P(On, RetentionTest, testing::databases());

TEST_P(RetentionTest, AnOrganizationsChoiceHoldsOverTheOperators) {
  db->write([&](db::Session& session) {
    const auto acme = testing::add_tenant(session, "acme", noon).organization.key;
    const auto other = testing::add_tenant(session, "other", noon).organization.key;
    ASSERT_TRUE(set_retention_choice(session, acme, {.runs = 24h * 7, .state_versions = 3}));
    ASSERT_TRUE(set_retention_choice(session, acme, {.logs = 24h, .state_versions = 5}));
    const Retention defaults{.runs = 24h * 100, .audit = 24h * 400};

    const Retention kept = with_choice(defaults, retention_choice_of(session, acme));

    EXPECT_EQ(kept.logs, 24h);
    EXPECT_EQ(kept.runs, defaults.runs) << "taken back";
    EXPECT_EQ(kept.state_versions, 5);
    EXPECT_EQ(kept.audit, defaults.audit);
    EXPECT_EQ(with_choice(defaults, retention_choice_of(session, other)).state_versions, 100);
  });
}

TEST_P(RetentionTest, ForEverBeatsTheOperatorsSpan) {
  EXPECT_FALSE(with_choice({.audit = 24h * 400}, {.audit = 0ms}).audit);
}

TEST_P(RetentionTest, WhatIsOutOfItsBoundsIsRefusedByName) {
  const auto refusal = [](const RetentionChoice& choice) {
    const auto checked = check_retention_choice(choice);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_THAT(refusal({.logs = 23h}), HasSubstr("`logs`"));
  EXPECT_THAT(refusal({.runs = longest_kept + 1ms}), HasSubstr("`runs`"));
  EXPECT_THAT(refusal({.deliveries = 0ms}), HasSubstr("`deliveries`"));
  EXPECT_THAT(refusal({.state_versions = 0}), HasSubstr("`state_versions`"));
  EXPECT_THAT(refusal({.audit = 24h * 364}), HasSubstr("`audit`")) << "nobody wipes his traces";
  EXPECT_EQ(refusal({.logs = 24h, .state_versions = 1, .audit = 0ms}), "");
}

}  // namespace
}  // namespace cupola::store
