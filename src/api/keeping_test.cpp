#include <gmock/gmock.h>

#include "api/api_test.h"
#include "store/states.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;

constexpr const char* state_path = "/api/v1/projects/acme/states/prod:acme";

class KeepingTest : public ApiTest {
 protected:
  /// As a run that goes on does.
  void hold(const std::string& state_id) {
    db_->write([&](db::Session& db) {
      db.execute(
          "INSERT INTO run_locks (scope, name, run_id, taken_at) VALUES (:scope, :name, :run, 0)",
          {{"scope", acme_.tenant.project.key}, {"name", state_id}, {"run", acme_.run}});
    });
  }
};

TEST_F(KeepingTest, VersionsOfAStateAreComparedLeafByLeaf) {
  ASSERT_EQ(ask("PUT", state_path, R"({"singer_state":{"bookmarks":{"orders":{"at":2}}}})").status,
            200);

  const Answer newest = ask("GET", std::string(state_path) + "/diff");

  EXPECT_EQ(json::serialize(newest.object().at("changes")),
            R"([{"path":"/completed/singer_state/bookmarks/orders/at","from":1,"to":2,)"
            R"("change":"changed"}])");
  const Answer first = ask("GET", std::string(state_path) + "/diff?to=1");
  EXPECT_TRUE(first.object().at("from").is_null()) << "there is none before it";
  EXPECT_EQ(ask("GET", std::string(state_path) + "/diff?from=7").status, 404);
  EXPECT_EQ(ask("GET", std::string(state_path) + "/diff?to=x").status, 422);
}

TEST_F(KeepingTest, StreamsAreForgottenButNotWhileARunHoldsTheState) {
  const std::string path = std::string(state_path) + "/forget";
  EXPECT_EQ(ask("POST", path, R"({"streams":[]})").status, 422);
  EXPECT_EQ(ask("POST", path, R"({"streams":["none"]})").status, 404);

  const Answer forgotten = ask("POST", path, R"({"streams":["orders"]})");

  EXPECT_EQ(forgotten.status, 200) << forgotten.text;
  EXPECT_EQ(text_at(forgotten.object(), "origin"), "edited");
  hold("prod:acme");
  const Answer held = ask("POST", path, R"({"streams":["orders"]})");
  EXPECT_EQ(held.status, 409);
  EXPECT_THAT(held.detail(), HasSubstr(acme_.run.text()));
}

TEST_F(KeepingTest, StatesAreImportedAllOrNone) {
  const std::string path = "/api/v1/projects/acme/states/import";
  const auto body = [](const char* dry_run) {
    return std::string(R"({"states":[{"state_id":"prod:new","payload":{"singer_state":{"a":1}}},)"
                       R"({"state_id":"prod:acme","payload":{"completed":{"singer_state":)"
                       R"({"bookmarks":{"orders":{"at":1}}}}}}],"dry_run":)") +
           dry_run + "}";
  };
  const Answer dry = ask("POST", path, body("true"));
  EXPECT_EQ(dry.status, 200) << dry.text;
  EXPECT_THAT(dry.text, HasSubstr(R"("state_id":"prod:new","change":"new","version":null)"));
  EXPECT_THAT(dry.text, HasSubstr(R"("state_id":"prod:acme","change":"same","version":1)"));
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme/states/prod:new").status, 404);

  hold("prod:acme");
  EXPECT_EQ(ask("POST", path, body("false")).status, 409);
  EXPECT_EQ(ask("GET", "/api/v1/projects/acme/states/prod:new").status, 404) << "none";
  db_->write([](db::Session& db) { db.execute("DELETE FROM run_locks"); });
  EXPECT_EQ(ask("POST", path, body("false")).status, 200);
  const Answer set = ask("GET", "/api/v1/projects/acme/states/prod:new");
  EXPECT_EQ(text_at(set.object(), "origin"), "imported");

  for (const char* wrong :
       {R"({})", R"({"states":{}})", R"({"states":[{"state_id":"x"}]})",
        R"({"states":[{"state_id":"","payload":{}}]})",
        R"({"states":[{"state_id":"x","payload":[]}]})",
        R"({"states":[{"state_id":"x","payload":{}},{"state_id":"x","payload":{}}]})"}) {
    EXPECT_EQ(ask("POST", path, wrong).status, 422) << wrong;
  }
}

TEST_F(KeepingTest, AnOwnerChoosesHowLongWhatIsKept) {
  const std::string path = "/api/v1/retention";
  const Answer before = ask("GET", path);
  std::string etag;
  for (const auto& [name, value] : before.headers) {
    if (name == "ETag") etag = value;
  }

  const Answer changed = ask("PATCH", path, R"({"logs":"7d","audit":"forever"})");

  EXPECT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(text_at(changed.object().at("kept").as_object(), "logs"), "7d");
  EXPECT_EQ(text_at(changed.object().at("defaults").as_object(), "logs"), "30d");
  EXPECT_EQ(ask("PATCH", path, R"({"logs":"8d"})", {{"if-match", etag}}).status, 412);
  for (const char* wrong :
       {R"({"logs":"1h"})", R"({"logs":7})", R"({"logs":"forever"})", R"({"audit":"30d"})",
        R"({"state_versions":0})", R"({"state_versions":"x"})", R"({"other":"7d"})"}) {
    EXPECT_EQ(ask("PATCH", path, wrong).status, 422) << wrong;
  }
  EXPECT_EQ(text_at(ask("GET", path).object().at("own").as_object(), "logs"), "7d");
  EXPECT_EQ(ask("GET", path, store::Role::maintainer).status, 403);
}

TEST_F(KeepingTest, APreviewCountsWhatWouldGoAndChangesNothing) {
  for (int at = 2; at <= 4; ++at) {
    const std::string body = R"({"singer_state":{"at":)" + std::to_string(at) + "}}";
    ASSERT_EQ(ask("PUT", state_path, body).status, 200);
  }

  const Answer preview = ask("GET", "/api/v1/retention/preview?state_versions=2");

  EXPECT_EQ(preview.status, 200) << preview.text;
  EXPECT_THAT(preview.text, HasSubstr(R"("what":"state_versions","count":2)"));
  EXPECT_THAT(preview.text, HasSubstr("prod:acme version 1"));
  EXPECT_EQ(
      ask("GET", std::string(state_path) + "/versions").object().at("versions").as_array().size(),
      4u);
  EXPECT_EQ(ask("GET", "/api/v1/retention/preview?state_versions=x").status, 422);
  EXPECT_EQ(ask("GET", "/api/v1/retention/preview?logs=1s").status, 422);
}

}  // namespace
}  // namespace cupola::api
