// The audit log as it is read; that each change is in it: routes_test.cpp.

#include "store/audit.h"

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "base/text.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ApiAuditTest : public ApiTest {
 protected:
  std::vector<std::string> actions(const std::string& query = "") {
    std::vector<std::string> all;
    const Answer answer = ask("GET", "/api/v1/audit" + query);
    EXPECT_EQ(answer.status, 200) << answer.text;
    for (const auto& item : answer.object().at("audit").as_array()) {
      all.push_back(text_at(item.as_object(), "action"));
    }
    return all;
  }
};

TEST_F(ApiAuditTest, TellsWhoChangedWhatWhenFromWhereBeforeAndAfter) {
  ASSERT_EQ(
      ask("POST", std::string(deployment_path) + "/schedules/hourly/enable", store::Role::operator_)
          .status,
      200);

  const json::object entry =
      ask("GET", "/api/v1/audit").object().at("audit").as_array().at(0).as_object();

  EXPECT_EQ(text_at(entry, "at"), "2026-11-23T03:10:00Z");
  EXPECT_EQ(text_at(entry, "actor"), "acme-operator");
  EXPECT_EQ(text_at(entry, "actor_kind"), "user");
  EXPECT_EQ(text_at(entry, "token").size(), 16U);
  EXPECT_EQ(text_at(entry, "peer"), "192.0.2.7");
  EXPECT_EQ(text_at(entry, "request_id"), "test-1");
  EXPECT_EQ(text_at(entry, "action"), "schedule.enable");
  EXPECT_EQ(text_at(entry, "kind"), "schedule");
  EXPECT_EQ(text_at(entry, "name"), "hourly");
  EXPECT_EQ(text_at(entry, "project"), "acme");
  EXPECT_EQ(text_at(entry, "deployment"), "acme");
  EXPECT_EQ(json::serialize(entry.at("before")), R"({"enabled":false})");
  EXPECT_EQ(json::serialize(entry.at("after")), R"({"enabled":true})");
}

TEST_F(ApiAuditTest, HoldsNoSecretOfAnyKind) {
  const std::string secret = "s3cret-value-4711";
  const std::string projects = "/api/v1/projects/acme/";
  ASSERT_EQ(ask("PUT", projects + "secrets/TAP", R"({"value":")" + secret + "\"}").status, 200);
  ASSERT_EQ(ask("PUT", projects + "states/dev:x", R"({"cursor":")" + secret + "\"}").status, 200);
  ASSERT_EQ(ask("POST", std::string(deployment_path) + "/runs",
                R"({"name":"hourly","env":{"TAP_KEY":")" + secret + "\"}}")
                .status,
            201);
  const Answer token = ask("POST", "/api/v1/tokens", R"({"name":"t"})");
  const Answer invitation = ask("POST", "/api/v1/invitations", R"({"role":"viewer"})");
  ASSERT_EQ(ask_as("", "POST", "/api/v1/invitations/accept",
                   R"({"login":"new","password":")" + secret + R"(","token":")" +
                       text_at(invitation.object(), "token") + "\"}")
                .status,
            201);

  const std::string all = ask("GET", "/api/v1/audit").text;

  EXPECT_EQ(actions().size(), 6U);
  EXPECT_THAT(all, HasSubstr("TAP_KEY"));
  for (const std::string& hidden :
       {secret, std::string("cup_"), std::string("inv_"), text_at(token.object(), "token")}) {
    EXPECT_THAT(all, Not(HasSubstr(hidden)));
  }
}

TEST_F(ApiAuditTest, IsFilteredAndUnknownFiltersAreTold) {
  ASSERT_EQ(
      ask("POST", std::string(deployment_path) + "/schedules/hourly/enable", store::Role::operator_)
          .status,
      200);
  clock_.advance(1h);
  ASSERT_EQ(ask("PATCH", "/api/v1/organization", R"({"billing_name":"x"})").status, 200);

  EXPECT_EQ(actions("?actor=acme-operator"), std::vector<std::string>{"schedule.enable"});
  EXPECT_EQ(actions("?kind=organization"), std::vector<std::string>{"organization.change"});
  EXPECT_EQ(actions("?action=schedule.enable"), std::vector<std::string>{"schedule.enable"});
  EXPECT_EQ(actions("?since=30m"), std::vector<std::string>{"organization.change"});
  EXPECT_EQ(actions("?until=2026-11-23T04:00:00Z"), std::vector<std::string>{"schedule.enable"});
  EXPECT_TRUE(actions("?actor=nobody").empty());
  for (const char* query : {"kind=thing", "action=enable", "action=thing.do", "since=never",
                            "cursor=00", "limit=0", "who=me"}) {
    EXPECT_EQ(ask("GET", std::string("/api/v1/audit?") + query).status, 422) << query;
  }
}

TEST_F(ApiAuditTest, IsExportedAsCsvWithoutFormulas) {
  db_->write([&](db::Session& db) {
    for (int i = 0; i < 1200; ++i) {
      store::add_audit(db, {.organization = acme_.tenant.organization.key,
                            .at = clock_.now(),
                            .actor = "=cmd()",
                            .action = "project.create",
                            .name = "a, \"b\"",
                            .after = R"({"name":"x"})"});
    }
  });

  const Answer answer = ask("GET", "/api/v1/audit", "", {{"accept", "text/csv"}});
  const std::string text = drain(answer);

  const auto lines = split(text, '\n');
  ASSERT_EQ(lines.size(), 1202U);
  EXPECT_THAT(std::string(lines[0]), ::testing::StartsWith("at,actor_kind,actor,action,"));
  EXPECT_THAT(
      std::string(lines[1]),
      HasSubstr(
          R"csv(Z,user,"'=cmd()",project.create,project,"a, ""b""",,,,,"{""name"":""x""}",)csv"));
  EXPECT_EQ(text.substr(text.size() - 2), "\r\n");
  EXPECT_EQ(ask_as(other_.tokens.at(store::Role::owner), "GET", "/api/v1/audit")
                .object()
                .at("audit")
                .as_array()
                .size(),
            0U);
}

}  // namespace
}  // namespace cupola::api
