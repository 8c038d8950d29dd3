// What is true of every route, taken from the table itself.

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <tuple>

#include <gmock/gmock.h>

#include "api/admission.h"
#include "api/api_test.h"
#include "base/files.h"
#include "base/text.h"
#include "store/audit.h"
#include "testing/databases.h"

namespace cupola::api {
namespace {

const std::filesystem::path source_folder = CUPOLA_SOURCE_DIR;

/// Pages of a sign-in and what goes with them: neither role nor token lets one in.
/// cloud/sign_in_test.cpp has them.
bool is_of_sign_in(const Route& route) {
  return route.path.starts_with("/oauth2/") || route.path == "/logout";
}

/// Where only a request that was prepared is let in: the walks come there through the one that
/// prepares it.
bool takes_tickets_alone(const Route& route) {
  return (route.path.starts_with("/state/") || route.path.ends_with("/prepared")) &&
         route.method == http::Method::post;
}

/// Where one asks for a request that needs more than the asking: cloud/prepared_test.cpp has it.
bool prepares_for_others(const Route& route) {
  return route.path == "/projects/v1/{organization}" && route.method == http::Method::post;
}

bool is_for_itself(const Route& route) {
  return is_of_sign_in(route) || takes_tickets_alone(route) || prepares_for_others(route);
}

bool is_of(const Route& route, Contract contract) {
  return route.contract == contract && !is_for_itself(route);
}

/// Where the fixture below keeps its things.
struct OnDatabase
    : public ::testing::WithParamInterface<std::tuple<testing::DatabaseKind, Contract>> {
  OnDatabase() {
    const auto kind = std::get<testing::DatabaseKind>(GetParam());
    if (testing::DatabasePlace::is_there(kind)) place.emplace(kind);
  }
  static Contract contract() { return std::get<Contract>(GetParam()); }
  std::string url() const { return place ? place->url() : "sqlite::memory:"; }

  std::optional<testing::DatabasePlace> place;
};

class RoutesTest : public OnDatabase, public ApiTest {
 protected:
  RoutesTest() : ApiTest(url()) {}

  void SetUp() override {
    if (!place) GTEST_SKIP() << "CUPOLA_TEST_POSTGRES names no PostgreSQL";
  }

  /// All that acme's owner can see, to be compared before and after.
  std::string all_of_acme() {
    // The last use of each token is shown: use all, so that it does not change later.
    for (const auto& [role, token] : acme_.tokens) ask_as(token, "GET", "/api/v1/whoami");
    std::string all;
    for (const Route& route : routes()) {
      if (route.method != http::Method::get || route.path.ends_with("/plan")) continue;
      if (is_of_sign_in(route)) continue;
      const Answer answer = follow(ask("GET", path_of(route, acme_)));
      all += path_of(route, acme_) + " " + std::to_string(answer.status) + " " + answer.text + "\n";
    }
    return all;
  }

  /// Those that delete come last, the project last of all, and after what is about the
  /// organization.
  static std::vector<Route> in_an_order_that_works() {
    std::vector<Route> ordered(routes().begin(), routes().end());
    std::stable_sort(ordered.begin(), ordered.end(), [](const Route& a, const Route& b) {
      const auto rank = [](const Route& route) {
        if (route.method != http::Method::delete_) return 0;
        return route.path.ends_with("{project}") ? 3 : route.path.ends_with("{deployment}") ? 2 : 1;
      };
      return rank(a) < rank(b);
    });
    return ordered;
  }

  std::vector<store::AuditEntry> audited_of(const Side& side) {
    return db_->read([&](db::Session& db) {
      return store::list_audit(db, side.tenant.organization.key, {}, 1000);
    });
  }
  std::vector<store::AuditEntry> audited() { return audited_of(acme_); }
};

/// What is looked at in one go.
class EveryRouteTest : public RoutesTest {};

const auto route_databases =
    ::testing::Values(testing::DatabaseKind::sqlite_in_memory, testing::DatabaseKind::postgres);
/// Each contract with things of its own: what one deletes the other could not.
INSTANTIATE_TEST_SUITE_P(On, RoutesTest,
                         ::testing::Combine(route_databases,
                                            ::testing::Values(Contract::own, Contract::cloud)));
INSTANTIATE_TEST_SUITE_P(On, EveryRouteTest,
                         ::testing::Combine(route_databases, ::testing::Values(Contract::own)));

TEST_P(RoutesTest, NobodyGetsInWithoutAToken) {
  for (const Route& route : routes()) {
    if (!is_of(route, contract())) continue;
    const Answer answer =
        ask_as("", method_name(route.method), path_of(route, acme_), body_of(route));

    if (route.access == Access::anyone) {
      EXPECT_LT(answer.status, 300) << route.path << " " << answer.text;
    } else {
      EXPECT_EQ(answer.status, contract() == Contract::cloud ? 403 : 401) << route.path;
    }
  }
}

TEST_P(RoutesTest, EachRoleMayDoWhatTheTableSays) {
  for (const Route& route : routes()) {
    if (!is_of(route, contract())) continue;
    for (const auto& [role, token] : acme_.tokens) {
      if (access_of(role) >= route.access) continue;
      const std::string before = all_of_acme();

      const Answer answer =
          ask(method_name(route.method), path_of(route, acme_), role, body_of(route));

      EXPECT_EQ(answer.status, 403) << route.path << " as " << to_text(role);
      EXPECT_THAT(answer.detail(), ::testing::HasSubstr(std::string(to_text(role))));
      EXPECT_EQ(all_of_acme(), before) << route.path;
    }
  }
}

TEST_P(RoutesTest, TheLeastRoleOfARouteIsEnoughAndEachChangeIsAuditedOnce) {
  make_another_release_live(acme_);
  for (const Route& route : in_an_order_that_works()) {
    if (!is_of(route, contract())) continue;
    const std::string method = method_name(route.method);
    for (const auto& [role, token] : acme_.tokens) {
      if (access_of(role) != std::max(route.access, Access::viewer)) continue;
      const auto before = audited();

      const Answer answer = follow(ask(method, path_of(route, acme_), role, body_of(route)));

      EXPECT_LT(answer.status, 300) << method << " " << route.path << " " << answer.text;
      const auto after = audited();
      // A change tells the audit log of itself (src/api/audit.h), once; a look tells nothing.
      EXPECT_EQ(after.size() - before.size(), route.method == http::Method::get ? 0U : 1U)
          << method << " " << route.path;
      if (route.method == http::Method::get || after.empty()) continue;
      EXPECT_EQ(after[0].peer, "192.0.2.7") << route.path;
      EXPECT_EQ(after[0].request_id, "test-1") << route.path;
      EXPECT_EQ(after[0].at, clock_.now()) << route.path;
      if (route.access == Access::anyone) continue;
      EXPECT_EQ(after[0].actor, "acme-" + std::string(to_text(role))) << route.path;
      EXPECT_FALSE(after[0].name.empty()) << route.path;
    }
  }
  EXPECT_TRUE(audited_of(other_).empty());
}

TEST_P(EveryRouteTest, WhatIsRefusedIsNotAudited) {
  for (const Route& route : routes()) {
    if (route.method == http::Method::get) continue;
    ask_as("", method_name(route.method), path_of(route, other_), body_of(route));
    for (const store::Role role : {store::Role::viewer, store::Role::owner}) {
      ask_as(other_.tokens.at(role), method_name(route.method), path_of(route, acme_) + "/none",
             body_of(route));
      if (access_of(role) >= route.access) continue;
      ask(method_name(route.method), path_of(route, acme_), role, body_of(route));
    }
  }

  // But for the invitation, which needs no token.
  EXPECT_EQ(audited().size(), 1U);
  EXPECT_TRUE(audited_of(other_).empty());
}

TEST_P(RoutesTest, ATokenOfAnotherProjectFindsNothingAndChangesNothing) {
  const auto neighbour = add_neighbour();
  const std::string of_project = limited_token({.project = neighbour.project.key});
  const std::string of_deployment =
      limited_token({.project = neighbour.project.key, .deployment = neighbour.deployment.key});
  for (const std::string& token : {of_project, of_deployment}) {
    ask_as(token, "GET", "/api/v1/whoami");
  }
  const std::string before = all_of_acme();
  for (const std::string& token : {of_project, of_deployment}) {
    for (const Route& route : routes()) {
      if (route.access == Access::anyone || !is_of(route, contract())) continue;
      const bool is_named = route.path.find("{project}") != std::string_view::npos ||
                            route.path.find("{run}") != std::string_view::npos;

      const Answer answer =
          ask_as(token, method_name(route.method), path_of(route, acme_), body_of(route));

      if (is_named) {
        EXPECT_EQ(answer.status, 404) << route.path << " " << answer.text;
      } else if (route.limits == Limits::by_path) {
        EXPECT_EQ(answer.status, 403) << route.path << " " << answer.text;
        EXPECT_THAT(answer.detail(), ::testing::HasSubstr("limited to a ")) << route.path;
      } else {
        EXPECT_EQ(answer.status, 200) << route.path << " " << answer.text;
        EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr("\"project\":\"acme\"")));
        EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr(acme_.tenant.project.id)));
        EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr(acme_.run.text())));
      }
    }
  }
  EXPECT_EQ(all_of_acme(), before);
}

TEST_P(RoutesTest, ATokenOfTheProjectOrDeploymentReachesWhatIsIn) {
  make_another_release_live(acme_);
  add_neighbour();
  const store::Reach project{.project = acme_.tenant.project.key};
  const store::Reach deployment{.project = acme_.tenant.project.key,
                                .deployment = acme_.tenant.deployment.key};
  const std::string of_project = limited_token(project);
  const std::string of_deployment = limited_token(deployment);
  for (const Route& route : in_an_order_that_works()) {
    const bool is_project = route.path == "/api/v1/projects/{project}";
    if (route.access == Access::anyone || is_project || !is_of(route, contract())) continue;
    if (route.path.ends_with("{deployment}") && route.method == http::Method::delete_) continue;
    const auto names = [&](std::string_view part) {
      return route.path.find(part) != std::string_view::npos;
    };
    const bool in_deployment = names("{deployment}") || names("{run}");
    const bool filtered = route.limits == Limits::filtered;
    const std::string method = method_name(route.method);

    const Answer narrow = ask_as(of_deployment, method, path_of(route, acme_), body_of(route));
    if (in_deployment || filtered) {
      EXPECT_LT(narrow.status, 300) << route.path << " " << narrow.text;
    } else {
      EXPECT_EQ(narrow.status, 403) << route.path << " " << narrow.text;
    }
    EXPECT_THAT(narrow.text, ::testing::Not(::testing::HasSubstr("neighbour"))) << route.path;
    if (in_deployment && route.method != http::Method::get) continue;

    const Answer wide = ask_as(of_project, method, path_of(route, acme_), body_of(route));
    if (in_deployment || filtered || names("{project}")) {
      EXPECT_LT(wide.status, 300) << route.path << " " << wide.text;
    } else {
      EXPECT_EQ(wide.status, 403) << route.path << " " << wide.text;
    }
    EXPECT_THAT(wide.text, ::testing::Not(::testing::HasSubstr("neighbour"))) << route.path;
  }
}

TEST_P(RoutesTest, AnotherOrganizationFindsNothingAndChangesNothing) {
  const std::string before = all_of_acme();
  for (const Route& route : routes()) {
    if (route.path.find('{') == std::string_view::npos || !is_of(route, contract())) continue;
    if (route.access == Access::anyone) continue;

    const Answer answer = ask_as(other_.tokens.at(store::Role::owner), method_name(route.method),
                                 path_of(route, acme_), body_of(route));

    EXPECT_EQ(answer.status, contract() == Contract::cloud ? 403 : 404)
        << route.path << " " << answer.text;
    EXPECT_EQ(answer.object().contains("payload"), false);
  }
  EXPECT_EQ(all_of_acme(), before);
}

TEST_P(EveryRouteTest, MixedIdsOfTwoOrganizationsFindNothing) {
  const std::string token = other_.tokens.at(store::Role::owner);

  // The project is the asker's own, what is under it is not.
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/projects/other/deployments/acme").status, 404);
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/projects/other/states/prod:acme").status, 404);
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/runs?project=acme").status, 404);
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/runs?deployment=acme").status, 404);
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/schedules?project=acme").status, 404);
  EXPECT_EQ(ask_as(token, "GET", "/api/v1/deployments?project=" + acme_.tenant.project.id).status,
            404);
}

TEST_P(EveryRouteTest, ListsShowOnesOwnThingsOnly) {
  for (const Route& route : routes()) {
    if (route.method != http::Method::get || route.path.find('{') != std::string_view::npos)
      continue;

    const Answer answer = ask("GET", std::string(route.path));

    EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr("\"other"))) << route.path;
  }
}

TEST_P(EveryRouteTest, InnerKeysDoNotLeaveTheServer) {
  const std::string all = all_of_acme();
  const store::Member user =
      *authenticator_.authenticate(acme_.tokens.at(store::Role::owner), clock_.now());

  for (const std::string& key :
       {acme_.tenant.organization.key.text(), acme_.tenant.project.key.text(),
        acme_.tenant.deployment.key.text(), acme_.release.key.text(), user.user.text(),
        user.token.text()}) {
    EXPECT_THAT(all, ::testing::Not(::testing::HasSubstr(key)));
  }
  EXPECT_THAT(all, ::testing::Not(::testing::HasSubstr("value of acme")));
}

TEST_P(EveryRouteTest, AnOperatorSeesNeitherNamesNorValuesOfSecrets) {
  for (const store::Role role : {store::Role::viewer, store::Role::operator_}) {
    for (const Route& route : routes()) {
      if (route.method != http::Method::get) continue;

      const Answer answer = ask("GET", path_of(route, acme_), role);

      EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr("API_KEY"))) << route.path;
      EXPECT_THAT(answer.text, ::testing::Not(::testing::HasSubstr("value of"))) << route.path;
    }
  }
  EXPECT_THAT(ask("GET", "/api/v1/projects/acme/secrets", store::Role::maintainer).text,
              ::testing::HasSubstr("API_KEY"));
}

TEST_P(EveryRouteTest, UnknownPathsMethodsAndQueryValuesAreTold) {
  EXPECT_EQ(ask("GET", "/api/v1/nothing").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/projects/").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/projects//deployments").status, 404);
  const Answer answer = ask("PATCH", "/api/v1/projects");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.object().at("status"), 405);
  EXPECT_THAT(answer.headers,
              ::testing::Contains(std::pair<std::string, std::string>("Allow", "GET, POST")));
  EXPECT_EQ(ask("GET", "/api/v1/runs?stauts=failed").status, 422);
  EXPECT_EQ(ask("GET", "/api/v1/runs?limit=1&limit=2").status, 422);
  EXPECT_EQ(ask("HEAD", "/api/v1/runs").status, 200);
}

TEST_P(EveryRouteTest, QueryValuesHaveLimits) {
  for (const char* query :
       {"limit=0", "limit=201", "limit=9223372036854775808", "limit=-1", "limit=NaN",
        "limit=", "limit=1e2", "limit=+5", "status=done", "status=failed'--", "since=yesterday",
        "until=2026-13-01", "cursor=zz", "cursor=00", "cursor=31"}) {
    EXPECT_EQ(ask("GET", std::string("/api/v1/runs?") + query).status, 422) << query;
  }
  EXPECT_EQ(ask("GET", "/api/v1/runs?limit=200&status=failed&since=2d&until=1h").status, 200);
}

TEST(RolesPageTest, IsWhatTheTableSays) {
  const std::filesystem::path file = source_folder / "docs/roles.md";
  if (std::getenv("CUPOLA_ACCEPT") != nullptr) write_file(file, roles_page());

  EXPECT_EQ(read_file(file, 1u << 20).value_or(""), roles_page());
}

/// "GET /path role query…" for each operation of docs/openapi.yaml, which is written in two-space
/// steps so that this much can be read from its lines.
std::set<std::string> operations_of_the_contract() {
  const std::string text = *read_file(source_folder / "docs/openapi.yaml", 1u << 20);
  const std::size_t begin = text.find("\npaths:\n");
  const std::size_t end = text.find("\ncomponents:\n");
  std::set<std::string> operations;
  std::string path;
  std::string method;
  std::string role;
  std::set<std::string> query;
  const auto close = [&] {
    const std::vector<std::string> names(query.begin(), query.end());
    if (!method.empty()) operations.insert(join({method, path, role, join(names, " ")}, " "));
    method.clear();
    query.clear();
  };
  const std::string_view shared = "        - $ref: \"#/components/parameters/";
  for (std::string_view line : split(std::string_view(text).substr(begin, end - begin), '\n')) {
    if (line.starts_with("  /") && line.ends_with(":")) {
      close();
      path = line.substr(2, line.size() - 3);
    } else if (line == "    get:" || line == "    post:" || line == "    put:" ||
               line == "    patch:" || line == "    delete:") {
      close();
      method = to_upper(line.substr(4, line.size() - 5));
    } else if (line.starts_with("      x-role: ")) {
      role = line.substr(14);
    } else if (line.starts_with(shared)) {
      line = line.substr(shared.size(), line.size() - shared.size() - 1);
      if (line.starts_with("in_")) line.remove_prefix(3);
      if (line != "idempotency_key" && line != "last_event_id" && line != "if_match") {
        query.emplace(line);
      }
    } else if (line.starts_with("        - {name: ")) {
      line = line.substr(17);
      query.emplace(line.substr(0, line.find(',')));
    } else if (line.starts_with("        - name: ")) {
      query.emplace(line.substr(16));
    }
  }
  close();
  return operations;
}

TEST(ContractTest, AndTheRoutesTableSayTheSame) {
  const char* roles[] = {"anyone", "viewer", "operator", "maintainer", "owner"};
  std::set<std::string> routed;
  for (const Route& route : routes()) {
    std::set<std::string> query;
    for (const auto name : split(route.query, ' ')) {
      if (!name.empty()) query.emplace(name);
    }
    const std::vector<std::string> names(query.begin(), query.end());
    routed.insert(join({method_name(route.method), std::string(route.path),
                        roles[static_cast<int>(route.access)], join(names, " ")},
                       " "));
  }

  EXPECT_EQ(operations_of_the_contract(), routed);
}

}  // namespace
}  // namespace cupola::api
