#include "store/state_edit.h"

#include <gmock/gmock.h>

#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

std::string forgotten(std::string_view payload, const std::vector<std::string>& streams) {
  const auto left = without_streams(payload, streams);
  return left ? *left : left.error().message + " " + left.error().hint;
}

TEST(StateEdit, TakesBookmarksOutOfTheCompletedAndThePartialState) {
  EXPECT_EQ(
      forgotten(R"({"completed":{"singer_state":{"bookmarks":{"a":{"at":1},"b":{"at":2}},"x":1}},)"
                R"("partial":{"singer_state":{"bookmarks":{"a":{"at":3}}}}})",
                {"a"}),
      R"({"completed":{"singer_state":{"bookmarks":{"b":{"at":2}},"x":1}},)"
      R"("partial":{"singer_state":{"bookmarks":{}}}})");
}

TEST(StateEdit, WhatWasBeingReadIsForgottenWithItsStream) {
  EXPECT_EQ(forgotten(R"({"completed":{"singer_state":{"currently_syncing":"a","bookmarks":)"
                      R"({"a":{},"b":{}}}}})",
                      {"a"}),
            R"({"completed":{"singer_state":{"bookmarks":{"b":{}}}}})");
  EXPECT_THAT(forgotten(R"({"completed":{"singer_state":{"currently_syncing":"b","bookmarks":)"
                        R"({"a":{},"b":{}}}}})",
                        {"a"}),
              HasSubstr(R"("currently_syncing":"b")"));
}

TEST(StateEdit, KnowsStatesWithoutBookmarksAndThoseOfWrappedConnectors) {
  EXPECT_EQ(
      forgotten(R"({"completed":{"singer_state":{"a":{"at":1},"b":{"at":2},"version":3}}})", {"b"}),
      R"({"completed":{"singer_state":{"a":{"at":1},"version":3}}})");
  const std::string wrapped =
      R"({"completed":{"singer_state":{"airbyte_state":[)"
      R"({"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"n":1}}},)"
      R"({"type":"STREAM","stream":{"stream_descriptor":{"name":"b"},"stream_state":{"n":2}}}]}}})";
  EXPECT_THAT(streams_of(wrapped), ElementsAre("a", "b"));
  EXPECT_EQ(
      forgotten(wrapped, {"a"}),
      R"({"completed":{"singer_state":{"airbyte_state":[)"
      R"({"type":"STREAM","stream":{"stream_descriptor":{"name":"b"},"stream_state":{"n":2}}}]}}})");
}

TEST(StateEdit, AStreamThatIsNotThereIsToldWithThoseThatAre) {
  const std::string payload = R"({"completed":{"singer_state":{"bookmarks":{"a":{},"b":{}}}}})";
  EXPECT_THAT(streams_of(payload), ElementsAre("a", "b"));
  EXPECT_EQ(forgotten(payload, {"a", "c"}),
            "The state has no bookmark of the stream 'c'. It has those of 'a', 'b'.");
  EXPECT_THAT(forgotten(R"({"completed":{}})", {"a"}), HasSubstr("none at all"));
  EXPECT_THAT(streams_of("no JSON"), IsEmpty());
}

class StateEditTest : public testing::EachDatabase {};
INSTANTIATE_TEST_SUITE_P(On, StateEditTest, testing::databases());

TEST_P(StateEditTest, ForgettingMakesAVersionAndIsRefusedWhileARunHoldsTheState) {
  const std::string payload = R"({"completed":{"singer_state":{"bookmarks":{"a":{},"b":{}}}}})";
  db->write([&](db::Session& session) {
    const auto tenant = testing::add_tenant(session, "acme", noon);
    const auto& organization = tenant.organization.key;
    const auto& project = tenant.project.key;
    const auto forget = [&](const std::string& id, const std::string& stream) {
      return forget_streams(session, organization, project, id, {stream}, noon);
    };
    ASSERT_TRUE(set_state(session, organization, project, "s", payload, StateOrigin::set, noon));

    const auto edited = forget("s", "a");

    ASSERT_TRUE(edited) << edited.error().message;
    EXPECT_EQ(edited->version, 2);
    EXPECT_EQ(edited->origin, StateOrigin::edited);
    EXPECT_THAT(streams_of(edited->payload), ElementsAre("b"));
    EXPECT_EQ(forget("s", "a").error().kind, Error::Kind::not_found);
    EXPECT_EQ(forget("other", "a").error().kind, Error::Kind::not_found);
    EXPECT_TRUE(check_free(session, project, "s")) << "a refusal holds nothing";

    session.execute(
        "INSERT INTO run_locks (scope, name, run_id, taken_at) VALUES (:scope, 's', 'run-7', 0)",
        {{"scope", project}});
    const auto held = forget("s", "b");
    ASSERT_FALSE(held);
    EXPECT_THAT(held.error().message, HasSubstr("run-7"));
  });
}

}  // namespace
}  // namespace cupola::store
