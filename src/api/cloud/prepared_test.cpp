// Requests that the server prepared: good once, for a short time, as they are, for whom they are.

#include <gmock/gmock.h>

#include "api/api_test.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;

class PreparedTest : public ApiTest {
 protected:
  std::string path(const std::string& resource, const std::string& rest = "") const {
    return "/" + resource + "/v1/" + acme_.tenant.organization.id + "/" + acme_.tenant.project.id +
           rest;
  }
  std::string projects() const { return "/projects/v1/" + acme_.tenant.organization.id; }

  /// What was prepared, taken apart.
  struct Request {
    std::string method;
    std::string target;
    std::string body;
  };
  Request prepare(const std::string& method, const std::string& target,
                  const std::string& body = "", store::Role role = store::Role::owner) {
    const Answer first = ask(method, target, role, body);
    EXPECT_EQ(first.status, 200) << first.text;
    const std::string url = text_at(first.object(), "url");
    return {.method = text_at(first.object(), "method"),
            .target = url.substr(context_.hooks.public_url().size()),
            .body = text_at(first.object(), "data")};
  }
  Answer send(const Request& request) {
    return ask_as("", request.method, request.target, request.body);
  }
  Request new_project(const std::string& name, store::Role role = store::Role::owner) {
    return prepare("POST", projects(),
                   R"({"project_name":")" + name + R"(","git_repository":"https://git.example/x"})",
                   role);
  }
};

TEST_F(PreparedTest, IsGoodOnce) {
  const Request request = new_project("new");

  EXPECT_EQ(send(request).status, 201);

  const Answer again = send(request);
  EXPECT_EQ(again.status, 403);
  EXPECT_THAT(again.detail(), HasSubstr("was sent already"));
}

TEST_F(PreparedTest, IsNotGoodLate) {
  const Request request = new_project("new");
  clock_.advance(2min);

  EXPECT_EQ(send(request).status, 403);
}

TEST_F(PreparedTest, IsNotGoodAltered) {
  const Request request = prepare("DELETE", path("deployments", "/acme"));
  Request other = request;
  other.method = "POST";
  EXPECT_EQ(send(other).status, 403);
  other = request;
  other.body = "[]";
  EXPECT_EQ(send(other).status, 403);
  other = request;
  other.target.replace(other.target.find("/acme?"), 6, "/prod?");
  EXPECT_EQ(send(other).status, 403);
  other = request;
  other.target += "x";
  EXPECT_EQ(send(other).status, 403);
  other = new_project("new");
  other.target = request.target.substr(0, request.target.find('?')) +
                 other.target.substr(other.target.find('?'));
  EXPECT_EQ(send(other).status, 403);

  EXPECT_EQ(ask("GET", path("deployments", "/acme")).status, 200);
  EXPECT_EQ(send(request).status, 204);
  EXPECT_EQ(ask("GET", path("deployments", "/acme")).status, 404);
}

TEST_F(PreparedTest, HoldsAsLongAsItsSenderMay) {
  const Request request = new_project("new", store::Role::maintainer);
  ASSERT_EQ(ask("PATCH", "/api/v1/members/acme-maintainer", R"({"role":"viewer"})").status, 200);

  EXPECT_EQ(send(request).status, 403);
}

TEST_F(PreparedTest, AStateIsReadAndSetByAUrlAlone) {
  const Answer first = ask("GET", path("state", "/prod:acme"));
  EXPECT_THAT(follow(first).text, HasSubstr("bookmarks"));
  EXPECT_EQ(follow(first).status, 403);
  EXPECT_EQ(follow(ask("GET", path("state", "/prod:none"))).status, 404);

  const Answer where = ask("PUT", path("state", "/prod:acme"));
  EXPECT_EQ(follow(where).status, 204);
  EXPECT_EQ(follow(where).status, 403);
  EXPECT_EQ(ask("POST", path("state", "/prod:acme"), "{}").status, 403);
  EXPECT_EQ(follow(ask("GET", path("state", "/prod:acme"))).text,
            R"({"completed":{"singer_state":{}}})");
}

TEST_F(PreparedTest, ADeployIsAnsweredOnceItIsOver) {
  const Request request = prepare("POST", path("deployments", "/acme?force=True"),
                                  R"({"environment_name":"prod","git_rev":"main"})");

  const Answer second = send(request);

  ASSERT_TRUE(second.later) << second.text;
  EXPECT_FALSE(second.later());
  db_->write([&](db::Session& db) {
    const auto release = store::claim_release(db, "test", clock_.now(), 1min);
    ASSERT_TRUE(release && release->forced);
    store::fail_release(db, release->key, "test", std::nullopt, "No such commit.\nSorry…",
                        clock_.now());
  });
  const auto failed = second.later();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->status, 422);
  EXPECT_THAT(failed->body, HasSubstr("No such commit."));
  EXPECT_THAT(failed->reason, HasSubstr("No such commit."));
}

TEST_F(PreparedTest, TheCommitThatIsKeptIsWhatIsLookedAt) {
  std::string looked_at;
  context_.hooks.plan = [&](const store::Deployment& planned, bool) -> Result<json::object> {
    looked_at = planned.revision;
    return json::object{{"schedules", json::array{"hourly"}}};
  };
  const auto update = [&](const char* query) {
    return send(prepare("POST", path("deployments", query),
                        R"({"environment_name":"prod","git_rev":"main"})"));
  };

  EXPECT_TRUE(update("/acme?preserve_git_hash=True").later);
  EXPECT_EQ(looked_at, std::string(40, 'a'));
  EXPECT_TRUE(update("/acme?preserve_git_hash=False").later);
  EXPECT_EQ(looked_at, "main");
}

TEST_F(PreparedTest, WhatCannotBeDeployedIsSaidAtOnce) {
  context_.hooks.plan = [](const store::Deployment&, bool) -> Result<json::object> {
    return json::object{{"schedules", json::array()}, {"faults", json::array()}};
  };
  const std::string body = R"({"environment_name":"prod","git_rev":"main"})";

  const Answer none = send(prepare("POST", path("deployments", "/new"), body));

  EXPECT_EQ(none.status, 422);
  EXPECT_THAT(none.detail(), HasSubstr("no schedule in the environment 'prod' of https://"));
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme/deployments/new").status, 404);
  EXPECT_EQ(ask("POST", path("deployments", "/new?force=yes"), body).status, 422);
  EXPECT_EQ(ask("POST", path("deployments", "/new"), "{}").status, 422);
  EXPECT_EQ(ask("DELETE", path("deployments", "/new")).status, 404);
}

TEST_F(PreparedTest, OnlyATakenNameIsRefusedBeforeAProjectIsMade) {
  EXPECT_EQ(ask("POST", projects(), R"({"project_name":"ACME","git_repository":"x"})").status, 409);

  EXPECT_EQ(
      send(prepare("POST", projects(), R"({"project_name":"x","git_repository":"ext::x"})")).status,
      422);
  EXPECT_EQ(send(prepare("POST", projects(), "{}")).status, 422);
}

TEST_F(PreparedTest, WhoMayMakeNoProjectIsToldByTheSecondAnswer) {
  const std::string before = ask("GET", projects()).text;
  const store::Reach reach{.project = acme_.tenant.project.key};
  const std::string body = R"({"project_name":"acme","git_repository":"x"})";

  for (const store::Role role : {store::Role::viewer, store::Role::operator_}) {
    const Answer second = send(new_project("new", role));
    EXPECT_EQ(second.status, 403);
    EXPECT_THAT(second.detail(), HasSubstr("To register a project needs the role maintainer"));
  }
  const Answer limited = follow(ask_as(limited_token(reach), "POST", projects(), body));
  EXPECT_EQ(limited.status, 403);
  EXPECT_THAT(limited.detail(), HasSubstr("limited to a project"));
  EXPECT_EQ(ask("POST", projects() + "/prepared", body).status, 403);
  for (const std::string& token : {std::string(), other_.tokens.at(store::Role::owner)}) {
    EXPECT_EQ(ask_as(token, "POST", projects(), body).status, 403);
    EXPECT_EQ(ask_as(token, "POST", projects() + "/prepared", body).status, 403);
  }
  EXPECT_EQ(ask("GET", projects()).text, before);
}

TEST_F(PreparedTest, AProjectIsMadeOnceByTheLeastRoleAndAudited) {
  const Request request = new_project("new", store::Role::maintainer);

  EXPECT_EQ(send(request).status, 201);

  const auto audit = ask("GET", "/api/v1/audit").object().at("audit").as_array();
  ASSERT_EQ(audit.size(), 1U);
  EXPECT_EQ(text_at(audit[0].as_object(), "action"), "project.create");
  EXPECT_EQ(text_at(audit[0].as_object(), "actor"), "acme-maintainer");
}

TEST_F(PreparedTest, WhatIsToBeSentIsAsciiAsThatProgramCodesTheRestInItsOwnWay) {
  const Request request = new_project("Größe 日本");

  EXPECT_THAT(request.body, HasSubstr(R"("Gr\u00f6\u00dfe \u65e5\u672c")"));
  EXPECT_EQ(text_at(send(request).object(), "name"), "Größe 日本");
}

TEST_F(PreparedTest, ATokenOfAProjectMakesDeploymentsInItAlone) {
  const auto neighbour = add_neighbour();
  const std::string body = R"({"environment_name":"prod","git_rev":"main"})";
  const std::string there = "/deployments/v1/" + acme_.tenant.organization.id + "/";
  const store::Reach of_project{.project = acme_.tenant.project.key};
  const store::Reach of_deployment{.project = acme_.tenant.project.key,
                                   .deployment = acme_.tenant.deployment.key};
  const auto deploy = [&](const store::Reach& reach, const std::string& path) {
    return follow(ask_as(limited_token(reach), "POST", path, body));
  };

  EXPECT_TRUE(deploy(of_project, path("deployments", "/new")).later);
  EXPECT_EQ(deploy(of_project, there + neighbour.project.id + "/new").status, 404);
  EXPECT_EQ(deploy(of_project, there + neighbour.project.id + "/acme").status, 404);
  EXPECT_EQ(deploy(of_deployment, path("deployments", "/another")).status, 404);
  EXPECT_TRUE(deploy(of_deployment, path("deployments", "/acme")).later);
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme/deployments/another").status, 404);
}

}  // namespace
}  // namespace cupola::api
