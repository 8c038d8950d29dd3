// Organization, members, service accounts and tokens: what each route does.

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "api/page_cache.h"
#include "base/text.h"
#include "store/replies.h"

namespace cupola::api {
namespace {

using store::Role;
using ::testing::HasSubstr;
using ::testing::Not;

class ApiPeopleTest : public ApiTest {
 protected:
  std::string etag_of(const std::string& path) {
    const Answer answer = ask("GET", path);
    for (const auto& [name, value] : answer.headers) {
      if (name == "ETag") return value;
    }
    return "no ETag";
  }
  /// The Authorization header of a new token.
  std::string create_token(const std::string& body, const std::string& by) {
    const Answer made = ask_as(by, "POST", "/api/v1/tokens", body);
    EXPECT_EQ(made.status, 201) << made.text;
    return "Bearer " + text_at(made.object(), "token");
  }
  const std::string& owner() { return acme_.tokens.at(Role::owner); }
};

TEST_F(ApiPeopleTest, WhoamiShowsWhatOneDebugsWith) {
  db_->write([&](db::Session& db) {
    ASSERT_TRUE(store::create_user(db, "acme-owner", other_.tenant.organization.key, Role::viewer,
                                   std::nullopt, clock_.now()));
  });

  const json::object who = ask("GET", "/api/v1/whoami").object();

  EXPECT_EQ(text_at(who.at("organization").as_object(), "id"), acme_.tenant.organization.id);
  EXPECT_EQ(json::serialize(who.at("organizations")),
            R"([{"name":"acme","role":"owner","current":true},)"
            R"({"name":"other","role":"viewer","current":false}])");
  const json::object limited =
      ask_as(limited_token({.project = acme_.tenant.project.key}, Role::operator_), "GET",
             "/api/v1/whoami")
          .object();
  EXPECT_EQ(text_at(limited, "role"), "operator");
  EXPECT_EQ(text_at(limited.at("project").as_object(), "id"), acme_.tenant.project.id);
  EXPECT_THAT(json::serialize(limited), Not(HasSubstr("other")));
}

TEST_F(ApiPeopleTest, AProblemNamesTheInnerIds) {
  const Answer answer = ask("GET", "/api/v1/projects/acme/deployments/none");

  EXPECT_EQ(text_at(answer.object(), "organization_id"), acme_.tenant.organization.id);
  EXPECT_EQ(text_at(answer.object(), "project_id"), acme_.tenant.project.id);
  EXPECT_FALSE(ask_as("", "GET", "/api/v1/projects").object().contains("organization_id"));
}

TEST_F(ApiPeopleTest, ARotatedIdIsNotFoundAndAllElseGoesOn) {
  const std::string old = acme_.tenant.project.id;
  ASSERT_EQ(ask("GET", "/api/v1/projects/" + old).status, 200);

  const std::string fresh = db_->write([&](db::Session& db) {
    store::rotate_organization_id(db, acme_.tenant.organization.key);
    return store::rotate_project_id(db, acme_.tenant.project.key);
  });
  authenticator_.forget();

  EXPECT_EQ(ask("GET", "/api/v1/projects/" + old).status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/projects/" + fresh + "/states/prod:acme").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/runs/" + acme_.run.text() + "/log").status, 200);
  EXPECT_EQ(ask("POST", std::string(deployment_path) + "/runs", R"({"name":"hourly"})").status,
            201);
  EXPECT_NE(text_at(ask("GET", "/api/v1/whoami").object().at("organization").as_object(), "id"),
            acme_.tenant.organization.id);
}

TEST_F(ApiPeopleTest, BillsGoWhereTheOwnerSays) {
  const std::string path = "/api/v1/organization";
  const Answer set = ask("PATCH", path,
                         R"({"billing_name":"Acme Ltd","billing_address":"1 Main St\nTown",)"
                         R"("billing_email":"bills@acme.example"})");

  ASSERT_EQ(set.status, 200) << set.text;
  EXPECT_EQ(ask("GET", path).text, set.text);
  const Answer less = ask("PATCH", path, R"({"billing_name":null})");
  EXPECT_EQ(text_at(less.object(), "billing_name"), "");
  EXPECT_EQ(text_at(less.object(), "billing_email"), "bills@acme.example");
  for (const char* body :
       {R"({"billing_email":"none"})", R"({"billing_email":"a@b\r\nBcc: x@y"})",
        R"({"billing_name":"a\u0000"})", R"({"billing_name":"a\u001b[1m"})",
        R"({"billing_address":"a\r\nb"})", R"({"id":"x"})", R"({"billing_name":7})", "[]", "{"}) {
    const Answer answer = ask("PATCH", path, body);
    EXPECT_TRUE(answer.status == 422 || answer.status == 400) << body << answer.text;
  }
  EXPECT_EQ(text_at(ask("GET", path).object(), "billing_email"), "bills@acme.example");
}

TEST_F(ApiPeopleTest, AnOrganizationGetsAnotherNameThatNoOtherHas) {
  const std::string path = "/api/v1/organization";
  for (const auto& [body, status] : {std::pair(R"({"name":"other"})", 409),
                                     {R"({"name":""})", 422},
                                     {R"({"name":" a"})", 422},
                                     {R"({"name":"a\r\nb"})", 422}}) {
    EXPECT_EQ(ask("PATCH", path, body).status, status) << body;
  }
  EXPECT_EQ(text_at(ask("GET", path).object(), "name"), "acme");

  const Answer renamed = ask("PATCH", path, R"({"name":"Acme Ltd"})");

  EXPECT_EQ(text_at(renamed.object(), "name"), "Acme Ltd") << renamed.text;
  const Answer caller = ask("GET", "/api/v1/whoami");
  EXPECT_EQ(text_at(caller.object().at("organization").as_object(), "name"), "Acme Ltd");
  const json::object entry =
      ask("GET", "/api/v1/audit?limit=1").object().at("audit").as_array()[0].as_object();
  EXPECT_EQ(text_at(entry.at("before").as_object(), "name"), "acme");
  EXPECT_EQ(text_at(entry.at("after").as_object(), "name"), "Acme Ltd");
}

TEST_F(ApiPeopleTest, WhoSawSomethingOlderIsToldSo) {
  const std::string schedule = std::string(deployment_path) + "/schedules/hourly";
  const struct {
    std::string path, method, change, body;
  } cases[] = {
      {"/api/v1/organization", "PATCH", "/api/v1/organization", R"({"billing_name":"A"})"},
      {"/api/v1/members/acme-guest", "PATCH", "/api/v1/members/acme-guest", R"({"role":"owner"})"},
      {schedule, "POST", schedule + "/enable", ""},
      {deployment_path, "POST", std::string(deployment_path) + "/update", R"({"revision":"v2"})"},
  };
  for (const auto& [path, method, change, body] : cases) {
    const std::string seen = etag_of(path);

    const Answer first = ask(method, change, body, {{"if-match", "\"x\", " + seen}});
    const Answer second = ask(method, change, body, {{"if-match", seen}});

    EXPECT_LT(first.status, 300) << path << first.text;
    EXPECT_EQ(second.status, 412) << path << second.text;
    EXPECT_LT(ask(method, change, body, {{"if-match", etag_of(path)}}).status, 300) << path;
    EXPECT_LT(ask(method, change, body, {{"if-match", "*"}}).status, 300) << path;
  }
  for (const char* path : {"/api/v1/members/acme-guest", "/api/v1/projects/other"}) {
    EXPECT_EQ(ask("DELETE", path, "", {{"if-match", "\"old\""}}).status / 100, 4) << path;
  }
  EXPECT_EQ(ask("DELETE", "/api/v1/projects/acme", "", {{"if-match", "\"old\""}}).status, 412);
  EXPECT_EQ(ask("DELETE", deployment_path, "", {{"if-match", "\"old\""}}).status, 412);
  EXPECT_EQ(ask("GET", "/api/v1/members/acme-guest").status, 200);
}

TEST_F(ApiPeopleTest, ARoleChangesAtOnce) {
  const std::string maintainer = acme_.tokens.at(Role::maintainer);
  ASSERT_EQ(ask_as(maintainer, "GET", "/api/v1/projects/acme/secrets").status, 200);

  const Answer changed = ask("PATCH", "/api/v1/members/acme-maintainer", R"({"role":"operator"})");

  EXPECT_EQ(text_at(changed.object(), "role"), "operator");
  EXPECT_EQ(ask_as(maintainer, "GET", "/api/v1/projects/acme/secrets").status, 403);
  EXPECT_EQ(ask("PATCH", "/api/v1/members/acme-maintainer", R"({"role":"god"})").status, 422);
  EXPECT_EQ(ask("PATCH", "/api/v1/members/nobody", R"({"role":"viewer"})").status, 404);
  EXPECT_EQ(ask("PATCH", "/api/v1/members/acme robot", R"({"role":"owner"})").status, 404);
}

TEST_F(ApiPeopleTest, ARemovedMembersTokensStopAtOnce) {
  const std::string viewer = acme_.tokens.at(Role::viewer);
  ASSERT_EQ(ask_as(viewer, "GET", "/api/v1/projects").status, 200);

  EXPECT_EQ(ask("DELETE", "/api/v1/members/acme-viewer").status, 204);

  EXPECT_EQ(ask_as(viewer, "GET", "/api/v1/projects").status, 401);
  EXPECT_EQ(ask("DELETE", "/api/v1/members/acme-viewer").status, 404);
}

TEST_F(ApiPeopleTest, TheLastOwnerStays) {
  EXPECT_EQ(ask("DELETE", "/api/v1/members/acme-owner").status, 409);
  EXPECT_EQ(ask("PATCH", "/api/v1/members/acme-owner", R"({"role":"viewer"})").status, 409);
  EXPECT_EQ(ask("GET", "/api/v1/organization").status, 200);
}

TEST_F(ApiPeopleTest, AStreamEndsWithItsToken) {
  const Answer stream = ask("GET", "/api/v1/runs/" + acme_.run.text() + "/log", Role::viewer, "",
                            {{"accept", "text/event-stream"}});
  ASSERT_TRUE(stream.stream);
  ASSERT_FALSE(stream.stream().finished);

  ASSERT_EQ(ask("DELETE", "/api/v1/members/acme-viewer").status, 204);

  EXPECT_THAT(drain(stream), Not(HasSubstr("<no end>")));
}

TEST_F(ApiPeopleTest, ATokenIsShownOnceAndRevokedAtOnce) {
  const Answer made = ask("POST", "/api/v1/tokens",
                          R"({"name":"ci","role":"operator","project":"acme",)"
                          R"("deployment":"acme","expires_in":"30d"})");

  ASSERT_EQ(made.status, 201) << made.text;
  const std::string token = "Bearer " + text_at(made.object(), "token");
  EXPECT_EQ(text_at(made.object(), "expires_at"), "2026-12-23T03:10:00Z");
  EXPECT_EQ(ask_as(token, "GET", deployment_path).status, 200);
  const Answer list = ask("GET", "/api/v1/tokens");
  EXPECT_THAT(list.text, Not(HasSubstr("cup_")));
  EXPECT_THAT(list.text, HasSubstr(R"("deployment":"acme")"));
  EXPECT_THAT(list.text, HasSubstr(R"("last_used_at":"2026-11-23T03:10:00Z")"));
  EXPECT_EQ(ask("DELETE", "/api/v1/tokens/" + text_at(made.object(), "id")).status, 204);
  EXPECT_EQ(ask_as(token, "GET", deployment_path).status, 401);
}

TEST_F(ApiPeopleTest, ATokenExpires) {
  const std::string token = create_token(R"({"name":"ci","expires_in":"1h"})", owner());
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/projects").status, 200);

  clock_.advance(1h);

  EXPECT_EQ(ask_as(token, "GET", "/api/v1/projects").status, 401);
  EXPECT_THAT(ask("GET", "/api/v1/tokens").text, HasSubstr(R"("status":"expired")"));
}

TEST_F(ApiPeopleTest, ATokenMakesNoneThatMayMoreOrLivesLonger) {
  const std::string weak = create_token(R"({"name":"weak","role":"viewer"})", owner());
  const std::string brief = create_token(R"({"name":"brief","expires_in":"1h"})", owner());
  const std::string narrow = create_token(R"({"name":"narrow","project":"acme"})", owner());

  EXPECT_EQ(ask_as(weak, "POST", "/api/v1/tokens", R"({"name":"x","role":"owner"})").status, 422);
  const std::string child = create_token(R"({"name":"x"})", weak);
  EXPECT_EQ(text_at(ask_as(child, "GET", "/api/v1/whoami").object(), "role"), "viewer");
  EXPECT_EQ(ask_as(child, "GET", "/api/v1/audit").status, 403);
  EXPECT_EQ(ask_as(weak, "POST", "/api/v1/tokens", R"({"name":"x","service_account":"acme robot"})")
                .status,
            403);
  EXPECT_EQ(ask_as(brief, "POST", "/api/v1/tokens", R"({"name":"x","expires_in":"2h"})").status,
            422);
  const Answer heir = ask_as(brief, "POST", "/api/v1/tokens", R"({"name":"x"})");
  EXPECT_EQ(text_at(heir.object(), "expires_at"), "2026-11-23T04:10:00Z");
  EXPECT_EQ(ask_as(narrow, "POST", "/api/v1/tokens", R"({"name":"x"})").status, 403);
}

TEST_F(ApiPeopleTest, OthersTokensAreNoOnesButTheOwners) {
  const std::string viewer = acme_.tokens.at(Role::viewer);
  const std::string path = "/api/v1/tokens/" + acme_.spare_token;

  EXPECT_EQ(ask("DELETE", path, Role::operator_).status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/tokens?login=acme-viewer", Role::operator_).status, 403);
  EXPECT_THAT(ask("GET", "/api/v1/tokens", Role::operator_).text, Not(HasSubstr("acme spare")));
  EXPECT_THAT(ask("GET", "/api/v1/tokens?login=acme-viewer").text, HasSubstr("acme spare"));
  EXPECT_THAT(ask("GET", "/api/v1/tokens?service_account=acme robot").text,
              HasSubstr(R"("tokens":[])"));
  EXPECT_EQ(ask("GET", "/api/v1/tokens?login=other-viewer").status, 404);
  EXPECT_EQ(ask("DELETE", path).status, 204);
}

TEST_F(ApiPeopleTest, AFaultyTokenIsRefusedWithTheFault) {
  const std::pair<const char*, int> cases[] = {
      {"{}", 422},
      {R"({"name":""})", 422},
      {R"({"name":"a\r\nb"})", 422},
      {R"({"name":" a"})", 422},
      {R"({"name":"a","role":"god"})", 422},
      {R"({"name":"a","expires_in":"soon"})", 422},
      {R"({"name":"a","expires_in":"1s"})", 422},
      {R"({"name":"a","expires_in":"99999999999d"})", 422},
      {R"({"name":"a","deployment":"acme"})", 422},
      {R"({"name":"a","project":"other"})", 404},
      {R"({"name":"a","project":"acme","deployment":"none"})", 404},
      {R"({"name":"a","service_account":"other robot"})", 404},
      {R"({"name":"a","token":"cup_x"})", 422},
  };
  for (const auto& [body, status] : cases) {
    EXPECT_EQ(ask("POST", "/api/v1/tokens", body).status, status) << body;
  }
  const std::string long_name = R"({"name":")" + std::string(101, 'x') + "\"}";
  EXPECT_EQ(ask("POST", "/api/v1/tokens", long_name).status, 422);
}

TEST_F(ApiPeopleTest, ARepeatedPostMakesNoSecondTokenAndKeepsNoSecret) {
  const auto post = [&] {
    return ask("POST", "/api/v1/tokens", R"({"name":"once"})", {{"idempotency-key", "k"}});
  };

  const Answer first = post();
  const Answer second = post();

  EXPECT_THAT(text_at(first.object(), "token"), ::testing::StartsWith("cup_"));
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(text_at(second.object(), "id"), text_at(first.object(), "id"));
  EXPECT_TRUE(second.object().at("token").is_null());
  const auto kept = db_->read(
      [&](db::Session& db) { return store::find_reply(db, acme_.tenant.organization.key, "k"); });
  EXPECT_THAT(kept->body, Not(HasSubstr("cup_")));
}

TEST_F(ApiPeopleTest, AServiceAccountActsUnderItsNameAndEndsAtOnce) {
  ASSERT_EQ(ask("POST", "/api/v1/service-accounts", R"({"name":"CI","role":"operator"})").status,
            201);
  const std::string token = create_token(R"({"name":"t","service_account":"CI"})", owner());

  EXPECT_EQ(text_at(ask_as(token, "GET", "/api/v1/whoami").object(), "kind"), "service_account");
  ASSERT_EQ(ask_as(token, "POST", std::string(deployment_path) + "/schedules/hourly/enable").status,
            200);
  const json::object entry =
      ask("GET", "/api/v1/audit?limit=1").object().at("audit").as_array()[0].as_object();
  EXPECT_EQ(text_at(entry, "actor"), "CI");
  EXPECT_EQ(text_at(entry, "actor_kind"), "service_account");
  EXPECT_EQ(ask("POST", "/api/v1/service-accounts", R"({"name":"CI","role":"viewer"})").status,
            409);
  EXPECT_EQ(ask("POST", "/api/v1/service-accounts", R"({"name":"a\nb","role":"viewer"})").status,
            422);
  const std::string run = std::string(deployment_path) + "/runs";
  ASSERT_EQ(ask("PATCH", "/api/v1/service-accounts/CI", R"({"role":"viewer"})").status, 200);
  EXPECT_EQ(ask_as(token, "POST", run, R"({"name":"hourly"})").status, 403);
  EXPECT_EQ(ask("PATCH", "/api/v1/service-accounts/CI", R"({"role":"king"})").status, 422);
  EXPECT_EQ(ask("PATCH", "/api/v1/service-accounts/C", R"({"role":"viewer"})").status, 404);
  EXPECT_EQ(ask("DELETE", "/api/v1/service-accounts/CI").status, 204);
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/whoami").status, 401);
}

TEST_F(ApiPeopleTest, AKeptPageIsNotShownToALimitedToken) {
  add_neighbour();
  const std::string limited = limited_token({.project = acme_.tenant.project.key});
  ASSERT_THAT(ask("GET", "/api/v1/runs").text, HasSubstr("neighbour"));

  EXPECT_THAT(ask_as(limited, "GET", "/api/v1/runs").text, Not(HasSubstr("neighbour")));
  EXPECT_THAT(ask("GET", "/api/v1/runs").text, HasSubstr("neighbour"));
}

TEST_F(ApiPeopleTest, ListsComeInPagesAndTakeNoCursorOfAnother) {
  for (int i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_EQ(
        ask("POST", "/api/v1/service-accounts", R"({"role":"viewer","name":"a)" + n + "\"}").status,
        201);
    ASSERT_EQ(ask("POST", "/api/v1/invitations", R"({"role":"viewer"})").status, 201);
    ASSERT_EQ(ask("POST", "/api/v1/tokens", R"({"name":"t"})").status, 201);
  }
  std::string cursor_before;
  for (const auto& [path, name] : std::initializer_list<std::pair<std::string, std::string>>{
           {"members", "members"},
           {"service-accounts", "service_accounts"},
           {"invitations", "invitations"},
           {"tokens", "tokens"},
           {"audit", "audit"}}) {
    const Answer all = ask("GET", "/api/v1/" + path);
    json::array seen;
    std::string cursor;
    do {
      const Answer page =
          ask("GET", "/api/v1/" + path + "?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
      ASSERT_EQ(page.status, 200) << page.text;
      for (const auto& item : page.object().at(name).as_array()) seen.push_back(item);
      cursor = text_at(page.object(), "next");
      if (cursor.empty()) break;
      EXPECT_EQ(ask("GET", "/api/v1/" + path + "?cursor=" + cursor_before).status,
                cursor_before.empty() ? 200 : 422)
          << path;
    } while (seen.size() < 100);
    cursor_before = text_at(ask("GET", "/api/v1/" + path + "?limit=1").object(), "next");

    EXPECT_EQ(seen, all.object().at(name).as_array()) << path;
    EXPECT_GT(seen.size(), 2U) << path;
  }
}

}  // namespace
}  // namespace cupola::api
