// Runs: asked for, listed, stopped, their logs read and followed.

#include "store/runs.h"

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "base/files.h"
#include "logs/writer.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;

class ApiRunsTest : public ApiTest {
 protected:
  Answer start(const std::string& body,
               std::vector<std::pair<std::string, std::string>> headers = {}) {
    return ask("POST", std::string(deployment_path) + "/runs", store::Role::operator_, body,
               std::move(headers));
  }
  std::size_t count_runs() {
    return ask("GET", "/api/v1/runs").object().at("runs").as_array().size();
  }
  std::string run_path() const { return "/api/v1/runs/" + acme_.run.text(); }
  std::string log_path() const { return run_path() + "/log"; }

  /// Ends acme's run as a runner would.
  void finish_run() {
    db_->write([&](db::Session& db) {
      const auto claimed = store::claim_runs(db, "w", 10, clock_.now());
      for (const store::Run& run : claimed) {
        const store::Lease lease{run.id, run.lease_token};
        store::mark_running(db, lease, "none", clock_.now());
        store::finish_run(db, lease,
                          {.status = store::RunStatus::succeeded, .exit_code = 0, .log_lines = 2},
                          {}, clock_.now());
      }
    });
  }
};

TEST_F(ApiRunsTest, AScheduleIsRunByItsName) {
  const Answer answer = start(R"({"name":"hourly","full_refresh":true,"env":{"A":"b"}})");

  ASSERT_EQ(answer.status, 201) << answer.text;
  EXPECT_EQ(text_at(answer.object(), "schedule"), "hourly");
  EXPECT_EQ(text_at(answer.object(), "status"), "queued");
  EXPECT_EQ(text_at(answer.object(), "trigger"), "manual");
  EXPECT_TRUE(answer.object().at("tasks").as_array().empty());
  EXPECT_EQ(json::serialize(answer.object().at("state_ids")), R"(["prod:tap-shop-to-target-csv"])");
  EXPECT_TRUE(flag_at(answer.object(), "full_refresh"));
  EXPECT_EQ(runner_woken_, 1);
  const auto run = db_->read(
      [&](db::Session& db) { return store::find_run(db, RunId(text_at(answer.object(), "id"))); });
  EXPECT_TRUE(run->schedule);
  EXPECT_EQ(run->options.env.at("A"), "b");
}

TEST_F(ApiRunsTest, AJobIsRunByItsNameAndTasksAsTheyAre) {
  const Answer job = start(R"({"name":"load"})");
  const Answer words = start(R"({"words":["tap-a","target-b"]})");
  const Answer job_word = start(R"({"words":["load"]})");
  const Answer tasks = start(R"({"tasks":["tap-a","target-b"],"state_id_suffix":"x"})");

  EXPECT_EQ(json::serialize(job.object().at("tasks")), R"(["load"])");
  EXPECT_TRUE(job.object().at("schedule").is_null());
  EXPECT_EQ(json::serialize(job.object().at("state_ids")), R"(["prod:tap-shop-to-target-csv"])");
  EXPECT_EQ(json::serialize(words.object().at("state_ids")), R"(["tap-a+target-b"])");
  EXPECT_EQ(json::serialize(job_word.object().at("tasks")), R"(["load"])");
  EXPECT_EQ(json::serialize(tasks.object().at("state_ids")), R"(["tap-a+target-b:x"])");
}

TEST_F(ApiRunsTest, AScheduleThatRunsTheJobOfItsNameIsNoConflict) {
  const Answer answer = start(R"({"name":"nightly"})");

  EXPECT_EQ(answer.status, 201) << answer.text;
  EXPECT_EQ(text_at(answer.object(), "schedule"), "nightly");
}

TEST_F(ApiRunsTest, TwoMeaningsOfANameAreRefusedWithBoth) {
  for (const char* body : {R"({"name":"twice"})", R"({"words":["twice"]})"}) {
    const Answer answer = start(body);

    EXPECT_EQ(answer.status, 409);
    EXPECT_THAT(answer.detail(), HasSubstr("a schedule, which runs the job 'load', and a job"));
    EXPECT_THAT(text_at(answer.object(), "hint"), HasSubstr(R"({"tasks": ["twice"]})"));
  }
  EXPECT_EQ(text_at(start(R"({"schedule":"twice"})").object(), "schedule"), "twice");
  EXPECT_TRUE(start(R"({"tasks":["twice"]})").object().at("schedule").is_null());
}

TEST_F(ApiRunsTest, ASuffixChangesTheStateIdsOfSchedulesToo) {
  const Answer answer = start(R"({"name":"hourly","state_id_suffix":"test"})");

  EXPECT_EQ(json::serialize(answer.object().at("state_ids")), R"(["load:test"])");
  EXPECT_EQ(start(R"({"schedule":"legacy","state_id_suffix":"test"})").status, 422);
  EXPECT_EQ(start(R"({"schedule":"legacy"})").status, 201);
}

TEST_F(ApiRunsTest, FaultyRequestsAreRefusedAndQueueNothing) {
  const std::size_t before = count_runs();
  const std::vector<std::pair<std::string, int>> cases = {
      {"", 422},
      {"{}", 422},
      {R"({"name":"hourly","tasks":["a"]})", 422},
      {R"({"name":"nobody"})", 404},
      {R"({"schedule":"load"})", 404},
      {R"({"tasks":[]})", 422},
      {R"({"tasks":"tap-a"})", 422},
      {R"({"tasks":["nonsense"]})", 422},
      {R"({"tasks":["--help"]})", 422},
      {R"({"tasks":["a\nb"]})", 422},
      {R"({"tasks":["a",7]})", 422},
      {R"({"name":"hourly","full_refresh":"yes"})", 422},
      {R"({"name":"hourly","state_id_suffix":"a:b"})", 422},
      {R"({"name":"hourly","env":{"LD_PRELOAD":"x"}})", 422},
      {R"({"name":"hourly","env":{"CUPOLA_RUN_ID":"x"}})", 422},
      {R"({"name":"hourly","env":{"1A":"x"}})", 422},
      {R"({"name":"hourly","env":{"A":1}})", 422},
      {R"({"name":"hourly","env":["A"]})", 422},
  };
  for (const auto& [body, status] : cases) {
    const Answer answer = start(body);

    EXPECT_EQ(answer.status, status) << body << " " << answer.text;
  }
  EXPECT_EQ(count_runs(), before);
  EXPECT_EQ(runner_woken_, 0);
}

TEST_F(ApiRunsTest, WithoutALiveReleaseTheReasonIsTold) {
  ASSERT_EQ(ask("POST", "/api/v1/projects/acme/deployments",
                R"({"name":"dev","environment":"dev","revision":"main"})")
                .status,
            201);
  const std::string path = "/api/v1/projects/acme/deployments/dev/runs";

  const Answer waiting = ask("POST", path, R"({"name":"hourly"})");
  db_->write([&](db::Session& db) {
    const auto claimed = store::claim_release(db, "w", clock_.now(), 1min);
    store::fail_release(db, claimed->key, "w", std::nullopt, "There is no branch main.",
                        clock_.now());
  });
  const Answer failed = ask("POST", path, R"({"name":"hourly"})");

  EXPECT_EQ(waiting.status, 409);
  EXPECT_THAT(waiting.detail(), HasSubstr("no live release yet"));
  EXPECT_EQ(failed.status, 409);
  EXPECT_THAT(failed.detail(), HasSubstr("There is no branch main."));
}

TEST_F(ApiRunsTest, ARepeatedPostIsDoneOnce) {
  const std::size_t before = count_runs();
  const std::vector<std::pair<std::string, std::string>> key = {{"idempotency-key", "k-1"}};

  const Answer first = start(R"({"name":"hourly"})", key);
  const Answer again = start(R"({"name":"hourly"})", key);
  const Answer other_body = start(R"({"name":"nightly"})", key);
  const Answer other_key = start(R"({"name":"hourly"})", {{"idempotency-key", "k-2"}});

  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(other_body.status, 409);
  EXPECT_NE(other_key.text, first.text);
  EXPECT_EQ(count_runs(), before + 2);
  EXPECT_EQ(start(R"({"name":"hourly"})", {{"idempotency-key", "a b"}}).status, 422);
}

TEST_F(ApiRunsTest, AKeyOfAnotherOrganizationIsAnotherKey) {
  const std::vector<std::pair<std::string, std::string>> key = {{"idempotency-key", "same"}};
  const std::string body = R"({"name":"new","repository":"https://git.example/x"})";

  const Answer ours = ask("POST", "/api/v1/projects", body, key);
  const Answer theirs =
      ask_as(other_.tokens.at(store::Role::owner), "POST", "/api/v1/projects", body, key);

  EXPECT_EQ(ours.status, 201);
  EXPECT_EQ(theirs.status, 201);
  EXPECT_NE(text_at(ours.object(), "id"), text_at(theirs.object(), "id"));
}

TEST_F(ApiRunsTest, ARunHasTheShapeOfTheContract) {
  finish_run();

  const Answer answer = ask("GET", run_path());

  std::vector<std::string> keys;
  for (const auto& member : answer.object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys,
              ::testing::UnorderedElementsAre(
                  "id", "project", "deployment", "schedule", "tasks", "status", "trigger",
                  "scheduled_at", "due_at", "queued_at", "started_at", "ended_at", "exit_code",
                  "exit_signal", "out_of_memory", "attempt", "most_attempts", "next_attempt_at",
                  "attempts", "stands_for", "cause", "cancel_code", "credits", "credits_base",
                  "credits_run_time", "credits_egress", "sandbox", "peak_memory_bytes", "cpu_ms",
                  "egress_bytes", "state_ids", "release", "full_refresh", "state_id_suffix",
                  "log_kept", "backfill", "interval_start", "interval_end"));
  EXPECT_EQ(number_at(answer.object(), "release"), 1);
  EXPECT_EQ(number_at(answer.object(), "exit_code", -1), 0);
  EXPECT_EQ(text_at(answer.object(), "project"), "acme");
}

TEST_F(ApiRunsTest, ARunThatWaitsForItsNextAttemptShowsWhenAndWhatWentBefore) {
  const auto added = db_->write([&](db::Session& db) {
    const auto run = *store::find_run(db, acme_.run);
    const store::NewRun copy{.id = new_id<RunId>(),
                             .organization = run.organization,
                             .project = run.project,
                             .deployment = run.deployment,
                             .tasks = run.tasks,
                             .trigger = store::Trigger::schedule,
                             .due_at = clock_.now(),
                             .most_attempts = 3,
                             .retry_wait = 30s};
    store::add_run(db, copy, clock_.now());
    for (const store::Run& claimed : store::claim_runs(db, "w", 10, clock_.now())) {
      store::finish_run(db, {claimed.id, claimed.lease_token},
                        {.status = store::RunStatus::failed, .exit_code = 3, .cause = "no source"},
                        {}, clock_.now() + 1min);
    }
    return copy;
  });

  const Answer answer = ask("GET", "/api/v1/runs/" + added.id.text());

  EXPECT_EQ(text_at(answer.object(), "status"), "queued");
  EXPECT_EQ(text_at(answer.object(), "due_at"), to_rfc3339(added.due_at));
  EXPECT_EQ(text_at(answer.object(), "next_attempt_at"), to_rfc3339(added.due_at + 1min + 30s));
  EXPECT_EQ(number_at(answer.object(), "attempt"), 2);
  EXPECT_EQ(number_at(answer.object(), "most_attempts"), 3);
  EXPECT_EQ(
      json::serialize(answer.object().at("attempts")),
      R"([{"attempt":1,"status":"failed","started_at":null,)"
      R"("ended_at":"2026-11-23T03:11:00Z","exit_code":3,"exit_signal":null,)"
      R"("cause":"no source","peak_memory_bytes":null,"cpu_ms":null,"egress_bytes":null,"run_time_ms":null}])");
  EXPECT_FALSE(ask("GET", "/api/v1/runs")
                   .object()
                   .at("runs")
                   .as_array()
                   .at(0)
                   .as_object()
                   .contains("attempts"))
      << "of one run alone";
}

TEST_F(ApiRunsTest, TheListIsFilteredAndPaged) {
  finish_run();
  for (int i = 0; i < 3; ++i) {
    clock_.advance(1min);
    ASSERT_EQ(start(R"({"name":"hourly"})").status, 201);
  }
  const auto count = [&](const std::string& query) {
    const Answer answer = ask("GET", "/api/v1/runs?" + query);
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.object().at("runs").as_array().size();
  };

  EXPECT_EQ(count("status=queued"), 3U);
  EXPECT_EQ(count("status=succeeded"), 1U);
  EXPECT_EQ(count("schedule=hourly&deployment=acme"), 3U);
  EXPECT_EQ(count("project=acme"), 4U);
  EXPECT_EQ(count("since=2026-11-23T03:11:30Z"), 2U);
  EXPECT_EQ(count("until=2026-11-23T03:11:30Z"), 2U);
  EXPECT_EQ(count("since=90s"), 2U);
  const Answer first = ask("GET", "/api/v1/runs?limit=3");
  const Answer rest = ask("GET", "/api/v1/runs?limit=3&cursor=" + text_at(first.object(), "next"));
  EXPECT_EQ(first.object().at("runs").as_array().size(), 3U);
  EXPECT_EQ(rest.object().at("runs").as_array().size(), 1U);
  EXPECT_TRUE(rest.object().at("next").is_null());
}

TEST_F(ApiRunsTest, AListShowsAWriteAtOnceAlthoughItsPagesAreKept) {
  const std::size_t before = count_runs();
  ASSERT_EQ(count_runs(), before);

  ASSERT_EQ(start(R"({"name":"hourly"})").status, 201);

  EXPECT_EQ(count_runs(), before + 1);
  EXPECT_EQ(ask_as(other_.tokens.at(store::Role::owner), "GET", "/api/v1/runs")
                .object()
                .at("runs")
                .as_array()
                .size(),
            1U);
}

TEST_F(ApiRunsTest, AQueuedRunIsStoppedOnce) {
  const Answer stopped = ask("POST", run_path() + "/stop", store::Role::operator_);
  const Answer again = ask("POST", run_path() + "/stop", store::Role::operator_);

  EXPECT_EQ(stopped.status, 200) << stopped.text;
  EXPECT_EQ(text_at(stopped.object(), "status"), "cancelled");
  EXPECT_EQ(text_at(stopped.object(), "cancel_code"), "user");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(runner_woken_, 1);
}

TEST_F(ApiRunsTest, RunIdsAreParsedNeverJoined) {
  for (const std::string id : {"..", "x", "0", "0192a3b4", "../../key", "%2e%2e"}) {
    http::Request request{.method = http::Method::get,
                          .segments = {"api", "v1", "runs", id, "log"}};
    request.headers = {{"authorization", acme_.tokens.at(store::Role::owner)}};

    EXPECT_EQ(api_->handle(request).status, 404) << id;
  }
}

TEST_F(ApiRunsTest, TheLogIsReadInPages) {
  const Answer first = ask("GET", log_path() + "?limit=1");
  const Answer rest = ask("GET", log_path() + "?from=1&raw=true");
  const Answer past = ask("GET", log_path() + "?from=1000000");

  EXPECT_EQ(json::serialize(first.object().at("lines")),
            R"([{"number":0,"time":"2026-11-23T03:10:00Z","stream":"output","plugin":"",)"
            R"("level":"","text":"acme line 0"}])");
  EXPECT_EQ(number_at(first.object(), "next"), 1);
  EXPECT_EQ(number_at(first.object(), "total"), 2);
  EXPECT_FALSE(flag_at(first.object(), "finished", true));
  EXPECT_THAT(rest.text, HasSubstr(R"("raw":"acme line 1")"));
  EXPECT_TRUE(rest.object().at("next").is_null());
  EXPECT_TRUE(past.object().at("lines").as_array().empty());
  EXPECT_EQ(ask("GET", log_path() + "?limit=5001").status, 422);
  EXPECT_EQ(ask("GET", log_path() + "?from=-1").status, 422);
  EXPECT_EQ(drain(ask("GET", log_path(), "", {{"accept", "text/plain"}})),
            "acme line 0\nacme line 1\n");
}

TEST_F(ApiRunsTest, AFollowerGetsLinesAsTheyComeThenTheEnd) {
  const Answer answer = ask("GET", log_path(), "", {{"accept", "text/event-stream"}});
  ASSERT_TRUE(answer.stream);
  std::string seen = answer.stream().data;
  EXPECT_THAT(seen, HasSubstr("id: 1\nevent: line\ndata: {\"number\":1,"));
  EXPECT_THAT(seen, ::testing::Not(HasSubstr("event: end")));

  {
    logs::Writer writer = logs::Writer::open(home_.log(acme_.run), {});
    writer.append(logs::Stream::error, "the last\n", clock_.now());
    writer.close(clock_.now());
  }
  finish_run();
  logs::compress(home_.log(acme_.run));
  seen = drain(answer);

  EXPECT_THAT(
      seen, HasSubstr("\"stream\":\"error\",\"plugin\":\"\",\"level\":\"\",\"text\":\"the last\""));
  EXPECT_THAT(seen, ::testing::ContainsRegex("the last(.|\n)*event: end\ndata: \\{\"id\":"));
  EXPECT_THAT(seen, HasSubstr("\"status\":\"succeeded\""));
}

TEST_F(ApiRunsTest, AFollowerGoesOnAfterTheLastEventItHad) {
  finish_run();

  const std::string seen =
      drain(ask("GET", log_path(), "", {{"accept", "text/event-stream"}, {"last-event-id", "0"}}));

  EXPECT_THAT(seen, ::testing::StartsWith("id: 1\nevent: line\n"));
  EXPECT_EQ(
      ask("GET", log_path(), "", {{"accept", "text/event-stream"}, {"last-event-id", "x"}}).status,
      422);
}

TEST_F(ApiRunsTest, ALogThatWasCleanedUpIsNotFound) {
  finish_run();
  logs::remove(home_.log(acme_.run));
  db_->write([&](db::Session& db) { store::forget_log(db, acme_.run); });

  const Answer answer = ask("GET", log_path());

  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.detail(), HasSubstr("no longer kept"));
}

}  // namespace
}  // namespace cupola::api
