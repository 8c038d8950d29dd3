#include "cli/apply_file.h"

#include <gmock/gmock.h>

namespace cupola::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(ApplyFileTest, ReadsWhatAnOrganizationIsToBe) {
  const auto read = read_apply_file("f.yml", R"(organization: acme
members:
  ada: owner
service_accounts: {ci: operator}
notifications:
- email: a@b.example
  status: [failed]
  only_on_change: true
projects:
  shop:
    repository: https://git.example/shop
    directory: elt
    deployments:
      prod:
        branch: main
        schedules:
          daily: on
          hourly: {enabled: false, retries: 3}
      dev: {environment: staging, revision: v1, schedules: }
)");

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "acme");
  EXPECT_EQ(read->members->at(0).login, "ada");
  EXPECT_EQ(read->members->at(0).line, 3u);
  EXPECT_EQ(read->service_accounts->at(0).name, "ci");
  EXPECT_EQ(read->service_accounts->at(0).role, "operator");
  EXPECT_EQ(json::serialize(read->notifications->at(0).filters), R"([{"status":["failed"]}])");
  EXPECT_TRUE(read->notifications->at(0).only_on_change);
  const WantedProject& shop = read->projects->at(0);
  EXPECT_EQ(shop.directory, "elt");
  EXPECT_FALSE(shop.notifications) << "the file does not speak of them";
  ASSERT_THAT(*shop.deployments, SizeIs(2));
  const WantedDeployment& prod = shop.deployments->at(0);
  EXPECT_EQ(prod.environment, "prod") << "as its name, unless said";
  EXPECT_EQ(prod.line, 14u);
  EXPECT_EQ(prod.schedules->at(0).enabled, true);
  EXPECT_EQ(prod.schedules->at(1).enabled, false);
  EXPECT_EQ(json::serialize(prod.schedules->at(1).settings), R"({"retries":3})");
  EXPECT_EQ(shop.deployments->at(1).revision, "v1");
  EXPECT_THAT(*shop.deployments->at(1).schedules, SizeIs(0));
}

TEST(ApplyFileTest, NamesTheLineOfTheFirstFault) {
  struct Case {
    const char* text;
    const char* place;
    const char* message;
  };
  const Case cases[] = {
      {"", "f.yml:1: ", "empty"},
      {"[]", "f.yml:1: ", "must be a mapping"},
      {"members: {ada: king}", "f.yml:1: ", "'king'"},
      {"members: [ada]", "f.yml:1: ", "must be a mapping"},
      {"project: {}", "f.yml:1: ", "knows no 'project'"},
      {"projects:\n  shop: {}", "f.yml:2: ", "needs `repository:`"},
      {"projects:\n  shop:\n    repository: x\n    branch: y", "f.yml:4: ", "knows no 'branch'"},
      {"projects:\n  shop:\n    repository: x\n    deployments:\n      prod: {}",
       "f.yml:5: ", "needs `branch:`"},
      {"projects:\n  shop:\n    repository: x\n    deployments:\n      prod:\n        branch: a\n"
       "        schedules: {daily: perhaps}",
       "f.yml:7: ", "must be true or false"},
      {"notifications:\n- {status: [failed]}", "f.yml:2: ", "either `webhook:` or `email:`"},
      {"notifications:\n- {email: a@b.c}\n- {email: a@b.c}", "f.yml:3: ", "twice"},
      {"notifications:\n- {webhook: 'https://x', payload: pagerduty}", "f.yml:2: ", "pagerduty"},
      {"notifications: {email: x}", "f.yml:1: ", "must be a list"},
      {"members:\n  ada: owner\n  ada: viewer", "f.yml:3: ", ""},
      {"members: {ada: [", "f.yml:", ""},
      {"members: &x\n  a: *x", "f.yml:", ""},
  };
  for (const Case& one : cases) {
    const auto read = read_apply_file("f.yml", one.text);
    ASSERT_FALSE(read) << one.text;
    EXPECT_THAT(read.error().message, StartsWith(one.place)) << one.text;
    EXPECT_THAT(read.error().message, HasSubstr(one.message)) << one.text;
  }
}

}  // namespace
}  // namespace cupola::cli
