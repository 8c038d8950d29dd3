// Projects, deployments, releases, schedules, states, secrets: what each does.

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "base/files.h"
#include "scheduler/enqueue.h"
#include "store/artifacts.h"
#include "store/schedules.h"
#include "store/secrets.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;

class ResourcesTest : public ApiTest {
 protected:
  const std::string deployment = deployment_path;
};

std::string etag(const Answer& answer) {
  for (const auto& [name, value] : answer.headers) {
    if (name == "ETag") return value;
  }
  return "";
}

TEST_F(ResourcesTest, WhoamiTellsWhomTheTokenStandsFor) {
  const Answer answer = ask("GET", "/api/v1/whoami", store::Role::operator_);

  EXPECT_EQ(text_at(answer.object(), "login"), "acme-operator");
  EXPECT_EQ(text_at(answer.object(), "role"), "operator");
  EXPECT_EQ(text_at(answer.object(), "token"), "test");
  EXPECT_THAT(text_at(answer.object().at("organization").as_object(), "account_number"),
              HasSubstr("CUP-"));
}

TEST_F(ResourcesTest, AProjectIsMadeFoundByAnyNameAndDeleted) {
  const Answer made = ask("POST", "/api/v1/projects",
                          R"({"name":"My Shop","repository":"https://git.example/shop"})");

  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(text_at(made.object(), "slug"), "my-shop");
  EXPECT_EQ(text_at(made.object(), "directory"), ".");
  EXPECT_EQ(ask("GET", "/api/v1/projects/my-shop").text, made.text);
  EXPECT_EQ(ask("GET", "/api/v1/projects/My Shop").text, made.text);
  EXPECT_EQ(ask("GET", "/api/v1/projects/" + text_at(made.object(), "id")).text, made.text);
  EXPECT_EQ(ask("DELETE", "/api/v1/projects/my-shop").status, 204);
  EXPECT_EQ(ask("GET", "/api/v1/projects/my-shop").status, 404);
}

TEST_F(ResourcesTest, AFaultyProjectIsRefusedWithTheFault) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "\"name\""},
      {"[]", "JSON object"},
      {"{", "not JSON"},
      {R"({"name":"x"})", "\"repository\""},
      {R"({"name":7,"repository":"https://x"})", "\"name\" must be a text"},
      {R"({"name":"x","repository":"ext::sh"})", "address"},
      {R"({"name":"x","repository":"https://x","dir":"a"})", "'dir'"},
      {R"({"name":"a\u0000b","repository":"https://x"})", "NUL"},
      {R"({"name":")" + std::string(200, 'x') + R"(","repository":"https://x"})", "limit is 100"},
      {R"({"name":"acme","repository":"https://x"})", "acme"},
  };
  for (const auto& [body, expected] : cases) {
    const Answer answer = ask("POST", "/api/v1/projects", body);

    EXPECT_GE(answer.status, 400) << body;
    EXPECT_LT(answer.status, 500) << body;
    EXPECT_THAT(answer.detail(), HasSubstr(expected)) << body;
  }
}

TEST_F(ResourcesTest, ListsComeInPagesWithoutGapsOrRepeats) {
  for (const char* name : {"b", "c", "d", "e"}) {
    ASSERT_EQ(ask("POST", "/api/v1/projects",
                  std::string(R"({"repository":"https://x","name":")") + name + "\"}")
                  .status,
              201);
    ASSERT_EQ(ask("POST", std::string("/api/v1/projects/") + name + "/deployments",
                  R"({"name":"prod","environment":"prod","revision":"main"})")
                  .status,
              201);
  }
  for (const std::string resource : {"projects", "deployments", "schedules"}) {
    const Answer all = ask("GET", "/api/v1/" + resource);
    json::array seen;
    std::string cursor;
    for (int pages = 0; pages < 10; ++pages) {
      const Answer page = ask(
          "GET", "/api/v1/" + resource + "?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
      ASSERT_EQ(page.status, 200) << page.text;
      for (const auto& item : page.object().at(resource).as_array()) seen.push_back(item);
      cursor = text_at(page.object(), "next");
      if (cursor.empty()) break;
    }

    EXPECT_EQ(seen, all.object().at(resource).as_array()) << resource;
    EXPECT_GT(seen.size(), 2U);
  }
}

TEST_F(ResourcesTest, ADeploymentQueuesItsFirstReleaseAndWakesTheDeployer) {
  const Answer made = ask("POST", "/api/v1/projects/acme/deployments",
                          R"({"name":"staging","environment":"staging","revision":"dev"})");

  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(text_at(made.object(), "status"), "deploying");
  EXPECT_TRUE(made.object().at("release").is_null());
  EXPECT_EQ(text_at(made.object().at("last_release").as_object(), "status"), "queued");
  EXPECT_EQ(deployer_woken_, 1);
}

TEST_F(ResourcesTest, AProjectIsRenamedAndMovedAndTwoDoNotOverwriteEachOther) {
  const std::string project = "/api/v1/projects/acme";
  const std::string seen = etag(ask("GET", project));

  const Answer renamed = ask("PATCH", project, R"({"name":"Web Shop"})", {{"if-match", seen}});
  const Answer late =
      ask("PATCH", "/api/v1/projects/web-shop", R"({"directory":"elt"})", {{"if-match", seen}});
  const Answer moved = ask("PATCH", "/api/v1/projects/web-shop",
                           R"({"repository":"https://git.example/new","directory":"elt"})");

  EXPECT_EQ(renamed.status, 200) << renamed.text;
  EXPECT_EQ(text_at(renamed.object(), "slug"), "web-shop");
  EXPECT_EQ(ask("GET", project).status, 404);
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(moved.status, 200) << moved.text;
  EXPECT_EQ(text_at(moved.object(), "name"), "Web Shop");
  EXPECT_EQ(text_at(moved.object(), "repository"), "https://git.example/new");
  EXPECT_EQ(text_at(moved.object(), "directory"), "elt");

  ASSERT_EQ(ask("POST", "/api/v1/projects", R"({"name":"b","repository":"https://x"})").status,
            201);
  const std::pair<const char*, int> wrong[] = {{R"({"name":"B"})", 409},
                                               {R"({"name":"!"})", 422},
                                               {R"({"name":"a\nb"})", 422},
                                               {R"({})", 422},
                                               {R"({"repository":"ext::x"})", 422},
                                               {R"({"id":"x"})", 422}};
  for (const auto& [body, status] : wrong) {
    EXPECT_EQ(ask("PATCH", "/api/v1/projects/web-shop", body).status, status) << body;
  }
  EXPECT_EQ(text_at(ask("GET", "/api/v1/projects/web-shop").object(), "name"), "Web Shop");
}

TEST_F(ResourcesTest, ADeploymentIsRenamedAndAllOfItGoesAlong) {
  const Answer renamed = ask("PATCH", deployment, R"({"name":"Production"})");

  EXPECT_EQ(renamed.status, 200) << renamed.text;
  EXPECT_EQ(text_at(renamed.object(), "slug"), "production");
  EXPECT_EQ(ask("GET", deployment).status, 404);
  const std::string path = "/api/v1/projects/acme/deployments/production";
  EXPECT_EQ(ask("GET", path + "/schedules/hourly").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/runs?project=acme&deployment=production")
                .object()
                .at("runs")
                .as_array()
                .size(),
            1U);
  EXPECT_EQ(ask("PATCH", path, R"({"name":"x","environment":"dev"})").status, 422);
  EXPECT_EQ(ask("PATCH", path, R"({"name":"x"})", {{"if-match", "\"no\""}}).status, 412);
  ASSERT_EQ(ask("POST", "/api/v1/projects/acme/deployments",
                R"({"name":"b","environment":"prod","revision":"main"})")
                .status,
            201);
  EXPECT_EQ(ask("PATCH", path, R"({"name":"B"})").status, 409);
}

TEST_F(ResourcesTest, AnUpdateCanBeForcedOrStayAtTheCommitThatIsLive) {
  const Answer kept = ask("POST", deployment + "/update", R"({"preserve_git_hash":true})");
  EXPECT_EQ(kept.status, 202) << kept.text;
  EXPECT_EQ(text_at(kept.object(), "commit"),
            text_at(ask("GET", deployment).object().at("release").as_object(), "commit"));
  const Answer forced =
      ask("POST", deployment + "/update", R"({"force":true,"environment":"dev"})");
  EXPECT_TRUE(flag_at(forced.object(), "forced")) << forced.text;
  EXPECT_TRUE(forced.object().at("commit").is_null()) << "what was asked for last";
  EXPECT_EQ(text_at(ask("GET", deployment).object(), "environment"), "dev");

  EXPECT_EQ(
      ask("POST", deployment + "/update", R"({"preserve_git_hash":true,"revision":"v2"})").status,
      422);
  EXPECT_EQ(ask("POST", deployment + "/update", R"({"environment":"a\nb"})").status, 422);
  ASSERT_EQ(ask("POST", "/api/v1/projects/acme/deployments",
                R"({"name":"new","environment":"prod","revision":"main"})")
                .status,
            201);
  const Answer none =
      ask("POST", "/api/v1/projects/acme/deployments/new/update", R"({"preserve_git_hash":true})");
  EXPECT_EQ(none.status, 409) << none.text;
}

TEST_F(ResourcesTest, APlanIsOfWhatIsThereOrOfWhatMightBe) {
  const Answer as_it_is = ask("GET", deployment + "/plan");
  EXPECT_EQ(text_at(as_it_is.object(), "commit"), "main") << as_it_is.text;
  const Answer other =
      ask("GET", deployment + "/plan?revision=v2&environment=dev&refresh_plugins=true");
  EXPECT_EQ(text_at(other.object(), "commit"), "v2");
  EXPECT_EQ(text_at(other.object(), "environment"), "dev");
  EXPECT_TRUE(flag_at(other.object(), "refreshed"));
  EXPECT_FALSE(flag_at(other.object(), "is_new"));
  const Answer fresh = ask("GET", "/api/v1/projects/acme/plan?revision=v2&environment=dev");
  EXPECT_TRUE(flag_at(fresh.object(), "is_new")) << fresh.text;

  for (const std::string& path :
       {deployment + "/plan?revision=-x", deployment + "/plan?refresh_plugins=perhaps",
        std::string("/api/v1/projects/acme/plan?revision=main"),
        std::string("/api/v1/projects/acme/plan?environment=dev"),
        "/api/v1/projects/acme/plan?revision=a&environment=" + std::string(300, 'x')}) {
    EXPECT_EQ(ask("GET", path).status, 422) << path;
  }
}

TEST_F(ResourcesTest, DeletingSaysBeforeWhatItTakesAndLeavesTheHistory) {
  const Answer foreseen = ask("GET", deployment + "/deletion", store::Role::maintainer);
  ASSERT_EQ(foreseen.status, 200) << foreseen.text;
  EXPECT_EQ(number_at(foreseen.object(), "open_runs"), 1);
  EXPECT_THAT(foreseen.text, HasSubstr("1 run that waits or goes on is cancelled."));
  EXPECT_THAT(foreseen.text, HasSubstr("States stay"));
  EXPECT_EQ(ask("DELETE", deployment, "", {{"if-match", etag(foreseen)}}).status, 204);
  EXPECT_EQ(runner_woken_, 1);

  const std::string past = deployment + "~1";
  EXPECT_EQ(ask("GET", deployment).status, 404);
  const Answer shown = ask("GET", past);
  EXPECT_EQ(text_at(shown.object(), "status"), "deleted") << shown.text;
  EXPECT_EQ(text_at(shown.object(), "name"), "acme");
  EXPECT_EQ(ask("GET", past + "/releases").status, 200);
  EXPECT_EQ(ask("GET", past + "/releases/1/log", "", {{"accept", "text/plain"}}).status, 200);
  EXPECT_EQ(ask("GET", past + "/schedules/hourly/fires").status, 200);
  const auto runs = ask("GET", "/api/v1/runs?project=acme&deployment=acme~1");
  ASSERT_EQ(runs.status, 200) << runs.text;
  EXPECT_EQ(text_at(runs.object().at("runs").as_array().at(0).as_object(), "cancel_code"),
            "deployment_deleted");
  EXPECT_EQ(
      ask("GET", "/api/v1/deployments?deleted=true").object().at("deployments").as_array().size(),
      1U);
  EXPECT_EQ(ask("GET", "/api/v1/deployments").object().at("deployments").as_array().size(), 0U);
  // Nothing can be done with it any more.
  for (const auto& [method, path, body] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"POST", past + "/update", ""},
           {"POST", past + "/rollback", R"({"release":1})"},
           {"POST", past + "/runs", R"({"name":"hourly"})"},
           {"POST", past + "/schedules/hourly/enable", ""},
           {"GET", past + "/plan", ""},
           {"GET", past + "/deletion", ""},
           {"PATCH", past, R"({"name":"x"})"},
           {"DELETE", past, ""}}) {
    EXPECT_EQ(ask(method, path, body).status, 404) << method << path;
  }

  const Answer again = ask("POST", "/api/v1/projects/acme/deployments",
                           R"({"name":"acme","environment":"prod","revision":"main"})");
  EXPECT_EQ(again.status, 201) << again.text;
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme/deletion").status, 200);
  EXPECT_EQ(ask("DELETE", "/api/v1/projects/acme").status, 204);
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/runs?project=acme~1").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme~1/deployments/acme~1/releases").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme~1/states").status, 404);
}

TEST_F(ResourcesTest, FilesThatARunKeptAreListedAndRead) {
  const std::string path = "/api/v1/runs/" + acme_.run.text() + "/artifacts";
  db_->write([&](db::Session& db) {
    store::keep_artifacts(db, {acme_.run, 1},
                          {{.path = "a/ü \".json", .bytes = 3, .lease_token = 1},
                           {.path = "big", .bytes = 9, .lease_token = 1, .fault = "too large"},
                           {.path = "gone", .bytes = 9, .lease_token = 1}});
  });
  make_folder(home_.artifacts(acme_.run) / "1" / "a");
  write_file(home_.artifacts(acme_.run) / "1" / "a" / "ü \".json", "{}\n");

  const Answer list = ask("GET", path);
  EXPECT_THAT(list.text, HasSubstr(R"("kept":false,"fault":"too large")"));
  // The test's own client splits at slashes before anything is decoded.
  http::Request request{
      .method = http::Method::get,
      .segments = {"api", "v1", "runs", acme_.run.text(), "artifacts", "a/ü \".json"},
      .headers = {{"authorization", acme_.tokens.at(store::Role::viewer)}}};
  const http::Reply reply = api_->handle(request);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.stream().data, "{}\n");
  EXPECT_TRUE(reply.stream().finished);
  EXPECT_EQ(reply.headers.at(0).second, "attachment; filename*=UTF-8''%C3%BC%20%22.json");
  for (const char* name : {"big", "gone", "none", "..", "1"}) {
    EXPECT_EQ(ask("GET", path + "/" + name).status, 404) << name;
  }
}

TEST_F(ResourcesTest, ARevisionThatCanBeNoneIsTurnedDownAndChangesNothing) {
  const Answer made = ask("POST", "/api/v1/projects/acme/deployments",
                          R"({"name":"staging","environment":"staging","revision":"-x"})");
  const Answer updated = ask("POST", deployment + "/update", R"({"revision":"--upload-pack=x"})");

  EXPECT_EQ(made.status, 422) << made.text;
  EXPECT_EQ(updated.status, 422) << updated.text;
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme/deployments/staging").status, 404);
  EXPECT_EQ(text_at(ask("GET", deployment).object(), "revision"), "main");
  EXPECT_EQ(deployer_woken_, 0);
}

TEST_F(ResourcesTest, AnUpdateFollowsAnotherRevision) {
  const Answer queued =
      ask("POST", deployment + "/update", R"({"revision":"v2","refresh_plugins":true})");

  EXPECT_EQ(queued.status, 202) << queued.text;
  EXPECT_EQ(number_at(queued.object(), "number"), 2);
  EXPECT_TRUE(flag_at(queued.object(), "refresh_plugins"));
  EXPECT_EQ(text_at(ask("GET", deployment).object(), "revision"), "v2");
  EXPECT_EQ(deployer_woken_, 1);
}

TEST_F(ResourcesTest, ARollbackQueuesTheCommitOfTheOldRelease) {
  EXPECT_EQ(ask("POST", deployment + "/rollback", R"({"release":1})").status, 409);
  EXPECT_EQ(ask("POST", deployment + "/rollback", R"({"release":9})").status, 404);
  EXPECT_EQ(ask("POST", deployment + "/rollback", R"({"release":"1"})").status, 422);
  ASSERT_EQ(ask("POST", deployment + "/update").status, 202);
  db_->write([&](db::Session& db) {
    const auto claimed = store::claim_release(db, "test", clock_.now(), 1min);
    const auto switched = store::switch_over(db,
                                             {.release = claimed->key,
                                              .worker = "test",
                                              .commit = std::string(40, 'b'),
                                              .content = "{}",
                                              .lock = "{}",
                                              .plan = "{}"},
                                             clock_.now());
    ASSERT_TRUE(switched);
  });

  const Answer back = ask("POST", deployment + "/rollback", R"({"release":1})");

  EXPECT_EQ(back.status, 202) << back.text;
  EXPECT_EQ(number_at(back.object(), "number"), 3);
  EXPECT_EQ(text_at(back.object(), "commit"), std::string(40, 'a'));
  EXPECT_EQ(text_at(ask("GET", deployment).object(), "revision"), "main");
}

TEST_F(ResourcesTest, APlanComesFromTheDeployModule) {
  EXPECT_EQ(text_at(ask("GET", deployment + "/plan").object(), "commit"), "main");
}

TEST_F(ResourcesTest, ASwitchedOnScheduleShowsItsNextFiresWithTheOffset) {
  const Answer off = ask("GET", deployment + "/schedules/hourly");
  EXPECT_FALSE(flag_at(off.object(), "enabled"));
  EXPECT_TRUE(off.object().at("next").as_array().empty());

  const Answer on = ask("POST", deployment + "/schedules/hourly/enable", store::Role::operator_);

  EXPECT_EQ(on.status, 200);
  EXPECT_EQ(json::serialize(on.object().at("next")),
            R"(["2026-11-23T04:03:00Z","2026-11-23T05:03:00Z","2026-11-23T06:03:00Z"])");
  EXPECT_EQ(number_at(on.object(), "offset_minutes"), 3);
  EXPECT_EQ(ask("GET", deployment + "/schedules/hourly").text, on.text);
  EXPECT_EQ(scheduler_woken_, 1);
  EXPECT_FALSE(flag_at(ask("POST", deployment + "/schedules/hourly/disable").object(), "enabled"));
  EXPECT_EQ(scheduler_woken_, 2);
}

TEST_F(ResourcesTest, FiresAreListedWithTheirRuns) {
  ASSERT_EQ(ask("POST", deployment + "/schedules/hourly/enable").status, 200);
  scheduler::enqueue_due_runs(*db_, clock_);
  clock_.set(*parse_rfc3339("2026-11-23T04:03:00Z"));
  scheduler::enqueue_due_runs(*db_, clock_);

  const Answer answer = ask("GET", deployment + "/schedules/hourly/fires");

  const json::array& fires = answer.object().at("fires").as_array();
  ASSERT_EQ(fires.size(), 1U);
  EXPECT_EQ(text_at(fires[0].as_object(), "nominal"), "2026-11-23T04:00:00Z");
  EXPECT_EQ(text_at(fires[0].as_object(), "due"), "2026-11-23T04:03:00Z");
  const std::string run = text_at(fires[0].as_object(), "run");
  EXPECT_EQ(text_at(ask("GET", "/api/v1/runs/" + run).object(), "schedule"), "hourly");
}

TEST_F(ResourcesTest, MissedFiresAreListedAndCounted) {
  ASSERT_EQ(ask("POST", deployment + "/schedules/hourly/enable").status, 200);
  scheduler::enqueue_due_runs(*db_, clock_);
  clock_.set(*parse_rfc3339("2026-11-23T09:33:00Z"));
  scheduler::enqueue_due_runs(*db_, clock_);

  const json::object schedule = ask("GET", deployment + "/schedules/hourly").object();
  const Answer fires = ask("GET", deployment + "/schedules/hourly/fires");

  const auto& counts = schedule.at("fire_counts").as_object();
  EXPECT_EQ(counts.at("run").as_int64(), 1);
  EXPECT_EQ(counts.at("missed").as_int64(), 5);
  EXPECT_EQ(counts.at("skipped_overlap").as_int64(), 0);
  ASSERT_EQ(fires.object().at("fires").as_array().size(), 6U);
  EXPECT_EQ(text_at(fires.object().at("fires").as_array()[5].as_object(), "outcome"), "missed");
}

TEST_F(ResourcesTest, AStateIsSetInEachFormAndKeptAsMeltanoKeepsIt) {
  const std::string path = "/api/v1/projects/acme/states/dev:a-to-b";
  const std::string kept = R"({"completed":{"singer_state":{"bookmarks":{"t":1}}}})";
  for (const std::string& body : {kept, std::string(R"({"singer_state":{"bookmarks":{"t":1}}})"),
                                  std::string(R"({"bookmarks":{"t":1}})")}) {
    const Answer answer = ask("PUT", path, body);

    ASSERT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(json::serialize(answer.object().at("payload")), kept);
    EXPECT_EQ(text_at(answer.object(), "origin"), "set");
  }
  for (const char* body : {"", "[]", "{", R"({"completed":1})", R"({"completed":{},"x":{}})"}) {
    EXPECT_GE(ask("PUT", path, body).status, 400) << body;
  }
  EXPECT_EQ(ask("PUT", "/api/v1/projects/acme/states/" + std::string(901, 'a'), "{}").status, 422);
  EXPECT_EQ(ask("DELETE", path).status, 204);
  EXPECT_EQ(ask("GET", path).status, 404);
}

TEST_F(ResourcesTest, AVersionOfAStateIsRestoredAsANewOne) {
  const std::string path = "/api/v1/projects/acme/states/prod:acme";
  ASSERT_EQ(ask("PUT", path, R"({"completed":{"singer_state":{"at":2}}})").status, 200);

  const Answer restored = ask("POST", path + "/restore", R"({"version":1})");

  EXPECT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(number_at(restored.object(), "version"), 3);
  EXPECT_EQ(text_at(restored.object(), "origin"), "restored");
  EXPECT_EQ(json::serialize(restored.object().at("payload")),
            R"({"completed":{"singer_state":{"bookmarks":{"orders":{"at":1}}}}})");
  EXPECT_EQ(ask("GET", path + "/versions").object().at("versions").as_array().size(), 3U);
  EXPECT_EQ(ask("GET", path + "/versions/9").status, 404);
  EXPECT_EQ(ask("POST", path + "/restore", R"({"version":9})").status, 404);
}

TEST_F(ResourcesTest, ASecretIsSetListedByNameAndDeletedNeverShown) {
  const std::string path = "/api/v1/projects/acme/secrets/TAP_TOKEN";

  const Answer set = ask("PUT", path + "?deployment=acme", R"({"value":"s3cret-value"})");

  EXPECT_EQ(set.status, 200) << set.text;
  EXPECT_TRUE(flag_at(set.object(), "masked"));
  const Answer list = ask("GET", "/api/v1/projects/acme/secrets");
  EXPECT_THAT(list.text, HasSubstr("TAP_TOKEN"));
  EXPECT_THAT(list.text, ::testing::Not(HasSubstr("s3cret")));
  const auto opened = db_->read([&](db::Session& db) {
    return store::open_secrets(db, vault_, acme_.tenant.project.key, acme_.tenant.deployment.key);
  });
  EXPECT_EQ(opened.at("TAP_TOKEN").value.reveal(), "s3cret-value");
  EXPECT_EQ(ask("DELETE", path).status, 404);
  EXPECT_EQ(ask("DELETE", path + "?deployment=acme").status, 204);
  EXPECT_EQ(ask("PUT", "/api/v1/projects/acme/secrets/LD_PRELOAD", R"({"value":"x"})").status, 422);
}

TEST_F(ResourcesTest, WhatIsNotMaskedIsSaidWhenItIsSet) {
  const std::string path = "/api/v1/projects/acme/secrets/";

  const Answer shorter = ask("PUT", path + "PIN", R"({"value":" 12345 "})");
  const Answer plain = ask("PUT", path + "REGION", R"({"value":"eu-west-1","plain":true})");
  const Answer source = ask("PUT", path + "KEY", R"({"source":"file:/run/key","as_file":true})");

  EXPECT_FALSE(flag_at(shorter.object(), "masked", true));
  EXPECT_THAT(text_at(shorter.object(), "note"), HasSubstr("under 6 characters"));
  EXPECT_EQ(text_at(plain.object(), "kind"), "plain");
  EXPECT_EQ(source.status, 200) << source.text;
  EXPECT_EQ(text_at(ask("GET", path + "REGION").object(), "value"), "eu-west-1");
  const Answer shown = ask("GET", path + "KEY");
  EXPECT_EQ(text_at(shown.object(), "source"), "file:/run/key");
  EXPECT_TRUE(flag_at(shown.object(), "as_file"));
  EXPECT_TRUE(ask("GET", path + "PIN").object().at("value").is_null());
  EXPECT_EQ(ask("PUT", path + "X", R"({"source":"file:/etc/shadow"})").status, 403);
  EXPECT_EQ(ask("PUT", path + "X", R"({"source":"file:/run/x","value":"y"})").status, 422);
  EXPECT_EQ(ask("PUT", path + "X", R"({"source":"file:/run/x","plain":true})").status, 422);
  EXPECT_EQ(ask("GET", path + "X").status, 404);
}

TEST_F(ResourcesTest, AFileOfSecretsIsTakenWholeOrNotAtAll) {
  const std::string path = "/api/v1/projects/acme/secrets";
  const auto import = [&](std::string_view text) {
    return ask("POST", path + "/import", json::serialize(json::object{{"dotenv", text}}));
  };

  const Answer refused = import("A=first value\n\nPATH=/x\nB='open\nC\nD=${E}\nLD_PRELOAD=x\n");

  EXPECT_EQ(refused.status, 422);
  for (const char* part : {"line 3: A secret cannot be called PATH", "line 4: it is no NAME=value",
                           "line 5: C has no value", "line 6: D refers to 'E'", "line 7: "}) {
    EXPECT_THAT(refused.detail(), HasSubstr(part));
  }
  EXPECT_THAT(ask("GET", path).text, ::testing::Not(HasSubstr("\"A\"")));

  const Answer taken = import("export A='first value'\nB=\"${A}\\nand more\"\n");

  EXPECT_EQ(taken.status, 200) << taken.text;
  const auto opened = db_->read([&](db::Session& db) {
    return store::open_secrets(db, vault_, acme_.tenant.project.key, acme_.tenant.deployment.key);
  });
  EXPECT_EQ(opened.at("B").value.reveal(), "first value\nand more");
}

TEST_F(ResourcesTest, ADeploysLogIsReadAndFollowedToItsEnd) {
  EXPECT_EQ(drain(ask("GET", deployment + "/releases/1/log")), "acme deploys\n");

  const std::string events =
      drain(ask("GET", deployment + "/releases/1/log", "", {{"accept", "text/event-stream"}}));

  EXPECT_EQ(events,
            "id: 12\nevent: line\ndata: {\"text\":\"acme deploys\"}\n\n"
            "event: end\ndata: {\"status\":\"live\",\"error\":null}\n\n");
  EXPECT_THAT(drain(ask("GET", deployment + "/releases/1/log", "",
                        {{"accept", "text/event-stream"}, {"last-event-id", "12"}})),
              ::testing::StartsWith("event: end"));
  EXPECT_EQ(ask("GET", deployment + "/releases/x/log").status, 404);
}

}  // namespace
}  // namespace cupola::api
