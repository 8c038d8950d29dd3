// Lists, filters, logs and single things, as the cloud CLI reads them.

#include <thread>

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "api/cloud/glob.h"
#include "base/digest.h"
#include "base/text.h"
#include "logs/writer.h"
#include "store/runs.h"

namespace cupola::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CloudListsTest : public ApiTest {
 protected:
  std::string path(const std::string& resource, const std::string& rest = "") const {
    return "/" + resource + "/v1/" + acme_.tenant.organization.id + "/" + acme_.tenant.project.id +
           rest;
  }

  /// All pages, as the CLI reads them: until "pagination" is null.
  std::vector<std::string> all(const std::string& target, const char* name, int size = 250) {
    std::vector<std::string> names;
    std::string token;
    for (int pages = 0; pages < 100; ++pages) {
      std::string page = target + (target.find('?') == std::string::npos ? "?" : "&") +
                         "page_size=" + std::to_string(size);
      if (!token.empty()) page += "&page_token=" + token;
      const Answer answer = ask("GET", page);
      EXPECT_EQ(answer.status, 200) << page << answer.text;
      if (answer.status != 200) return names;
      for (const auto& item : answer.object().at("results").as_array()) {
        names.push_back(text_at(item.as_object(), name));
      }
      const json::value& pagination = answer.object().at("pagination");
      if (pagination.is_null()) return names;
      token = text_at(pagination.as_object(), "next_page_token");
      EXPECT_FALSE(token.empty());
    }
    return {"no end"};
  }

  RunId add_run(const std::string& schedule, std::optional<store::RunStatus> end,
                std::optional<int> exit_code = std::nullopt) {
    clock_.advance(1min);
    return db_->write([&](db::Session& db) {
      store::NewRun run = testing::new_run(acme_.tenant, clock_.now());
      run.schedule_name = schedule;
      store::add_run(db, run, clock_.now());
      if (!end) return run.id;
      if (*end == store::RunStatus::skipped) {
        store::end_queued_run(db, run.id, *end, "overlap", std::nullopt, clock_.now());
        return run.id;
      }
      for (const store::Run& claimed : store::claim_runs(db, "test", 10, clock_.now())) {
        const store::Lease lease{claimed.id, claimed.lease_token};
        store::mark_running(db, lease, "none", clock_.now());
        store::finish_run(db, lease, {.status = *end, .exit_code = exit_code}, {}, clock_.now());
      }
      return run.id;
    });
  }
  json::object execution(const RunId& run) {
    const Answer answer = ask("GET", path("jobs"));
    for (const auto& item : answer.object().at("results").as_array()) {
      if (text_at(item.as_object(), "execution_id") == run.text()) return item.as_object();
    }
    return {};
  }
};

TEST(GlobTest, StarsStandForAnyText) {
  using cloud::matches;
  for (const char* pattern : {"daily-load", "daily*", "*load", "*ly-l*", "*", "d*l*d", "**"}) {
    EXPECT_TRUE(matches(pattern, "daily-load")) << pattern;
  }
  for (const char* pattern : {"daily", "aily*", "*loa", "Daily*", "*x*", ""}) {
    EXPECT_FALSE(matches(pattern, "daily-load")) << pattern;
  }
}

TEST_F(CloudListsTest, PagesEndWithANullPagination) {
  for (const int size : {1, 2, 3, 4, 250}) {
    EXPECT_THAT(all(path("schedules"), "schedule_name", size),
                ElementsAre("hourly", "legacy", "nightly", "twice"))
        << size;
    EXPECT_THAT(all(path("schedules", "/acme"), "schedule_name", size).size(), 4U);
  }
  EXPECT_THAT(all(path("deployments"), "deployment_name", 1), ElementsAre("acme"));
  EXPECT_THAT(all("/projects/v1/" + acme_.tenant.organization.id, "project_name", 1),
              ElementsAre("acme"));
  EXPECT_THAT(all(path("secrets", "/"), "name", 1), ElementsAre("API_KEY"));
  EXPECT_THAT(all(path("jobs"), "execution_id", 1), ElementsAre(acme_.run.text()));
}

TEST_F(CloudListsTest, TokensAreOfTheirOwnListAlone) {
  const Answer first = ask("GET", path("schedules", "?page_size=1"));
  const std::string token = text_at(first.object().at("pagination").as_object(), "next_page_token");

  EXPECT_EQ(ask("GET", path("schedules", "?page_token=" + token)).status, 200);
  for (const std::string& other :
       {path("schedules", "/acme"), path("jobs"), path("deployments"), path("secrets", "/"),
        path("logs", "/tail/" + acme_.run.text())}) {
    EXPECT_EQ(ask("GET", other + "?page_token=" + token).status, 422) << other;
  }
  const std::string theirs = "/schedules/v1/" + other_.tenant.organization.id + "/" +
                             other_.tenant.project.id + "?page_token=" + token;
  EXPECT_EQ(ask_as(other_.tokens.at(store::Role::owner), "GET", theirs).status, 422);
  for (const char* query : {"page_token=zz", "page_size=0", "page_size=251", "page_size=x"}) {
    EXPECT_EQ(ask("GET", path("schedules", "?") + query).status, 422) << query;
  }
}

TEST_F(CloudListsTest, ADeploymentThatNeverWentLiveIsNotThere) {
  ASSERT_EQ(ask("POST", "/api/v1/projects/acme/deployments",
                R"({"name":"slow","environment":"prod","revision":"main"})")
                .status,
            201);

  EXPECT_THAT(all(path("deployments"), "deployment_name"), ElementsAre("acme"));
  EXPECT_EQ(ask("GET", path("deployments", "/slow")).status, 404);
  const json::object live = ask("GET", path("deployments", "/acme")).object();
  EXPECT_EQ(text_at(live, "git_rev_hash"), std::string(40, 'a'));
  EXPECT_EQ(text_at(live, "last_deployed_timestamp"), "2026-11-23T03:10:00.000000+00:00");
}

TEST_F(CloudListsTest, AScheduleIsSwitchedByTrueAndFalse) {
  const std::string switch_path = path("schedules", "/acme/hourly/enabled");

  EXPECT_EQ(ask("PUT", switch_path, "true").status, 204);
  EXPECT_TRUE(flag_at(ask("GET", path("schedules", "/acme/hourly")).object(), "enabled"));
  EXPECT_EQ(ask("PUT", switch_path, "false").status, 204);
  EXPECT_FALSE(flag_at(ask("GET", path("schedules", "/acme/hourly")).object(), "enabled"));
  EXPECT_EQ(ask("PUT", switch_path, "\"true\"").status, 422);
  EXPECT_EQ(ask("PUT", path("schedules", "/acme/none/enabled"), "true").status, 404);
  EXPECT_EQ(ask("GET", path("schedules", "/acme/none")).status, 404);
  // A name with a slash is a path that there is not.
  EXPECT_EQ(ask("GET", path("schedules", "/acme/hourly/enabled")).status, 404);
}

TEST_F(CloudListsTest, RunsHaveTheOutcomesThatTheCliKnows) {
  const RunId good = add_run("nightly", store::RunStatus::succeeded, 0);
  const RunId bad = add_run("nightly", store::RunStatus::failed, 3);
  const RunId stopped = add_run("hourly", store::RunStatus::cancelled, 0);
  const RunId late = add_run("hourly", store::RunStatus::timed_out);
  const RunId lost = add_run("twice", store::RunStatus::lost);
  const RunId skipped = add_run("twice", store::RunStatus::skipped);
  const RunId waiting = add_run("twice", std::nullopt);

  EXPECT_EQ(number_at(execution(good), "exit_code", -1), 0);
  EXPECT_EQ(number_at(execution(bad), "exit_code"), 3);
  EXPECT_EQ(number_at(execution(stopped), "exit_code"), 143);
  EXPECT_EQ(number_at(execution(late), "exit_code"), 124);
  EXPECT_EQ(number_at(execution(lost), "exit_code"), 137);
  EXPECT_THAT(execution(skipped), IsEmpty());
  const json::object open = execution(waiting);
  EXPECT_EQ(text_at(open, "status"), "RUNNING");
  EXPECT_TRUE(open.at("exit_code").is_null() && open.at("end_time").is_null());
  EXPECT_THAT(text_at(open, "start_time"), HasSubstr(".000000+00:00"));
  EXPECT_EQ(text_at(open, "job_name"), "N/A");

  const auto jobs = [&](const std::string& query) {
    return all(path("jobs", query), "execution_id", 2).size();
  };
  EXPECT_EQ(jobs("?result=success"), 2U);  // the fixture's run was claimed with the first
  EXPECT_EQ(jobs("?result=failed"), 4U);
  EXPECT_EQ(jobs("?result=running"), 1U);
  EXPECT_EQ(jobs("?schedule=night*"), 2U);
  EXPECT_EQ(jobs("?schedule=*our*"), 2U);
  EXPECT_EQ(jobs("?schedule=our"), 0U);
  EXPECT_EQ(jobs("?deployment=ac*"), 7U);
  EXPECT_EQ(jobs("?deployment=b*"), 0U);
  EXPECT_EQ(jobs("?start_time=2026-11-23T03:16:30+00:00"), 1U);
  EXPECT_EQ(ask("GET", path("jobs", "?result=cancelled")).status, 422);
  EXPECT_EQ(ask("GET", path("jobs", "?start_time=soon")).status, 422);
  EXPECT_EQ(ask("GET", path("jobs", "?stat=x")).status, 422);
  EXPECT_EQ(ask("GET", path("jobs", "?schedule=" + std::string(301, '*'))).status, 422);
}

TEST_F(CloudListsTest, ARunIsStartedAndStopped) {
  const Answer started = ask("POST", "/run/v1/external/" + path("", "/acme/hourly").substr(5));
  ASSERT_EQ(started.status, 200) << started.text;
  const std::string id = text_at(started.object(), "execution_id");
  EXPECT_EQ(ask("POST", "/run/v1/external/" + path("", "/acme/none").substr(5)).status, 400);
  EXPECT_EQ(ask("POST", "/run/v1/external/" + path("", "/none/hourly").substr(5)).status, 400);

  EXPECT_EQ(text_at(ask("DELETE", path("jobs", "/" + id)).object(), "execution_id"), id);
  const Answer again = ask("DELETE", path("jobs", "/" + id));
  EXPECT_EQ(again.status, 400);
  EXPECT_THAT(again.detail(), Not(IsEmpty()));
  EXPECT_EQ(text_at(again.object(), "status"), "STOPPED");
  EXPECT_EQ(ask("DELETE", path("jobs", "/" + std::string(32, 'a'))).status, 404);
}

TEST_F(CloudListsTest, ARunOfAnotherProjectIsNotThere) {
  const auto neighbour = add_neighbour();
  const std::string there = "/jobs/v1/" + acme_.tenant.organization.id + "/" + neighbour.project.id;

  EXPECT_EQ(ask("DELETE", there + "/" + acme_.run.text()).status, 404);
  EXPECT_EQ(ask("GET", "/logs" + there.substr(5) + "/tail/" + acme_.run.text()).status, 404);
  EXPECT_EQ(ask("GET", "/logs" + there.substr(5) + "/" + acme_.run.text()).status, 404);
}

TEST_F(CloudListsTest, LogsEndByRepeatingTheToken) {
  const std::string small = path("logs", "/tail/" + acme_.run.text());
  EXPECT_TRUE(ask("GET", small).object().at("pagination").is_null());
  EXPECT_EQ(ask("GET", small).object().at("results").as_array().size(), 2U);

  const RunId run = add_run("hourly", std::nullopt);
  logs::Writer writer = logs::Writer::open(home_.log(run), {});
  for (int i = 0; i < 2500; ++i) {
    writer.append(logs::Stream::output, "line " + std::to_string(i) + "\n", clock_.now());
  }
  writer.close(clock_.now());
  const std::string large = path("logs", "/tail/" + run.text());
  std::string token;
  std::size_t lines = 0;
  int pages = 0;
  for (; pages < 10; ++pages) {
    const Answer page = ask("GET", large + (token.empty() ? "" : "?page_token=" + token));
    lines += page.object().at("results").as_array().size();
    const std::string next = text_at(page.object().at("pagination").as_object(), "next_page_token");
    if (next == token) break;
    token = next;
  }
  EXPECT_EQ(lines, 2500U);
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(ask("GET", small + "?page_token=" + token).status, 422);
}

TEST_F(CloudListsTest, MessagesOfALogAreMadeForPeople) {
  const RunId run = add_run("hourly", std::nullopt);
  logs::Writer writer = logs::Writer::open(home_.log(run), {});
  writer.append(logs::Stream::error,
                R"({"event":"sent 5","level":"info","string_id":"tap-shop","stdio":"stderr"})"
                "\nplain\x1b[2J\n",
                clock_.now());
  writer.note("stopped by ada", clock_.now());
  writer.close(clock_.now());
  const std::vector<std::string> expected = {"2026-11-23T03:11:00Z [info] tap-shop: sent 5",
                                             "2026-11-23T03:11:00Z meltano: plain\\x1b[2J",
                                             "2026-11-23T03:11:00Z cupola: stopped by ada"};

  const Answer page = ask("GET", path("logs", "/tail/" + run.text()));
  std::vector<std::string> messages;
  for (const auto& line : page.object().at("results").as_array()) {
    messages.push_back(text_at(line.as_object(), "message"));
  }

  EXPECT_EQ(messages, expected);
  EXPECT_EQ(ask("GET", path("logs", "/" + run.text())).stream().data, join(expected, "\n") + "\n");
}

TEST_F(CloudListsTest, AStreamFollowsARunToItsEnd) {
  const RunId run = add_run("hourly", std::nullopt);
  const Answer answer = ask("GET", path("logs", "/" + run.text()));
  ASSERT_TRUE(answer.stream) << answer.text;
  EXPECT_EQ(answer.stream().data, "");  // nothing is written yet
  logs::Writer writer = logs::Writer::open(home_.log(run), {});
  writer.append(logs::Stream::output, "the first\n", clock_.now());
  writer.flush();
  std::string seen;
  for (int i = 0; i < 100 && seen.empty(); ++i) {
    std::this_thread::sleep_for(10ms);
    const http::StreamStep step = answer.stream();
    EXPECT_FALSE(step.finished);
    seen += step.data;
  }
  EXPECT_THAT(seen, HasSubstr("the first\n"));

  writer.append(logs::Stream::output, "the last\n", clock_.now());
  writer.close(clock_.now());
  db_->write([&](db::Session& db) {
    store::end_queued_run(db, run, store::RunStatus::cancelled, "user", std::nullopt, clock_.now());
  });
  bool finished = false;
  for (int i = 0; i < 200 && !finished; ++i) {
    std::this_thread::sleep_for(10ms);
    const http::StreamStep step = answer.stream();
    seen += step.data;
    finished = step.finished;
  }

  EXPECT_TRUE(finished);
  EXPECT_THAT(seen, ::testing::EndsWith("the last\n"));
  EXPECT_EQ(ask("GET", path("logs", "/" + std::string(32, 'a'))).status, 404);
  EXPECT_EQ(ask("GET", path("logs", "/nonsense")).status, 404);
  EXPECT_EQ(ask("GET", path("logs", "/" + run.text() + "?from=3")).status, 404);
}

TEST_F(CloudListsTest, NotificationsAreOfTheirScopeAlone) {
  const std::string url = "https://hooks.example/cloud";
  const std::string base = "/notifications/v1/" + acme_.tenant.organization.id + "/";
  const std::string own =
      base + sha256_hex(url) + "/notification?entity_id=" + acme_.tenant.project.id;
  const std::string listed = base + "notifications?entity_id=" + acme_.tenant.project.id;
  const std::string body =
      R"({"notification":{"type":"webhook","filters":[{"events":["job_run"],"status":["failed"]}],)"
      R"("webhook_url":")" +
      url + "\"}}";

  EXPECT_EQ(ask("POST", own, body).status, 200);
  EXPECT_EQ(ask("POST", own, body).status, 200);
  EXPECT_EQ(ask("GET", listed).text,
            R"([{"recipient":"https://hooks.example/cloud","type":"webhook","status":"active",)"
            R"("filters":[{"events":["job_run"],"status":["failed"]}]}])");
  EXPECT_THAT(ask("GET", base + "notifications").text, Not(HasSubstr("cloud")));
  EXPECT_THAT(ask("GET", listed, store::Role::viewer).text, HasSubstr("https://hooks.example/…"));
  EXPECT_EQ(ask("POST", base + sha256_hex("x") + "/notification", body).status, 422);
  EXPECT_EQ(
      ask("PATCH", own, R"({"new_key":"https://hooks.example/b","status":"inactive"})").status,
      204);
  EXPECT_EQ(ask("PATCH", own, R"({"status":"active"})").status, 404);
  const std::string moved = base + sha256_hex("https://hooks.example/b") +
                            "/notification?entity_id=" + acme_.tenant.project.id;
  EXPECT_EQ(ask("DELETE", moved).status, 204);
  EXPECT_EQ(ask("DELETE", moved).status, 404);
  EXPECT_EQ(ask("GET", listed).text, "[]");
}

TEST_F(CloudListsTest, RefusalsSayWhyBesideTheStatus) {
  http::Request request{.method = http::Method::get,
                        .segments = {"deployments", "v1", acme_.tenant.organization.id,
                                     acme_.tenant.project.id, "none"},
                        .headers = {{"authorization", acme_.tokens.at(store::Role::viewer)}}};

  EXPECT_EQ(api_->handle(request).reason, "There is no deployment 'none' here.");
  request.headers.clear();
  EXPECT_EQ(api_->handle(request).reason,
            "The request has no token. Sign in anew: meltano-cloud login.");
}

}  // namespace
}  // namespace cupola::api
