#include "store/audit.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/text.h"
#include "testing/databases.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class AuditTest : public testing::EachDatabase {
 protected:
  void add(const char* actor, const char* action, const char* name, Instant at,
           const OrganizationKey& organization = OrganizationKey{"acme"}) {
    db->write([&](db::Session& s) {
      add_audit(
          s,
          {.organization = organization, .at = at, .actor = actor, .action = action, .name = name});
    });
  }
  std::vector<std::string> names(const AuditFilter& filter, int limit = 100) {
    std::vector<std::string> all;
    for (const auto& entry : db->read([&](db::Session& s) {
           return list_audit(s, OrganizationKey{"acme"}, filter, limit);
         })) {
      all.push_back(entry.name);
    }
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(On, AuditTest, testing::databases());

TEST_P(AuditTest, KeepsAllThatItWasTold) {
  const AuditEntry told{.organization = OrganizationKey{"acme"},
                        .at = noon,
                        .actor_kind = ActorKind::service_account,
                        .actor = "CI robot",
                        .token = "0123456789abcdef",
                        .peer = "192.0.2.1",
                        .request_id = "r-1",
                        .action = "schedule.enable",
                        .name = "hourly",
                        .thing_id = "id",
                        .project = "Shop",
                        .deployment = "prod",
                        .before = R"({"enabled":false})",
                        .after = R"({"enabled":true})"};
  db->write([&](db::Session& s) { add_audit(s, told); });

  const auto kept =
      db->read([&](db::Session& s) { return list_audit(s, told.organization, {}, 10); });

  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].at, told.at);
  EXPECT_EQ(kept[0].actor_kind, told.actor_kind);
  EXPECT_EQ(kept[0].actor, told.actor);
  EXPECT_EQ(kept[0].token, told.token);
  EXPECT_EQ(kept[0].peer, told.peer);
  EXPECT_EQ(kept[0].request_id, told.request_id);
  EXPECT_EQ(kept[0].action, told.action);
  EXPECT_EQ(kept[0].name, told.name);
  EXPECT_EQ(kept[0].thing_id, told.thing_id);
  EXPECT_EQ(kept[0].project, told.project);
  EXPECT_EQ(kept[0].deployment, told.deployment);
  EXPECT_EQ(kept[0].before, told.before);
  EXPECT_EQ(kept[0].after, told.after);
}

TEST_P(AuditTest, IsFilteredAndReadInPages) {
  add("ann", "project.create", "a", noon);
  add("ben", "project.delete", "b", noon + 1h);
  add("ann", "secret.set", "c", noon + 2h);
  add("ann", "secret.set", "d", noon + 2h);
  add("eve", "project.create", "other's", noon, OrganizationKey{"other"});

  EXPECT_THAT(names({}), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(names({.actor = "ann"}), ElementsAre("d", "c", "a"));
  EXPECT_THAT(names({.action = "project.create"}), ElementsAre("a"));
  EXPECT_THAT(names({.kind = "project"}), ElementsAre("b", "a"));
  EXPECT_THAT(names({.since = noon + 1h, .until = noon + 2h}), ElementsAre("b"));
  EXPECT_THAT(names({.actor = "eve"}), IsEmpty());
  const auto first = db->read(
      [&](db::Session& s) { return list_audit(s, OrganizationKey{"acme"}, {}, 1).front(); });
  EXPECT_THAT(names({.after = std::pair(first.at, first.id)}), ElementsAre("c", "b", "a"));
}

TEST_P(AuditTest, GoesByAgeAlone) {
  for (int i = 0; i < 5; ++i) add("ann", "project.create", "x", noon + i * 1h);

  EXPECT_EQ(db->write([&](db::Session& s) {
    return delete_old_audit(s, OrganizationKey{"acme"}, noon + 3h, 2);
  }),
            2);
  EXPECT_EQ(db->write([&](db::Session& s) {
    return delete_old_audit(s, OrganizationKey{"acme"}, noon + 3h, 2);
  }),
            1);
  EXPECT_EQ(db->write([&](db::Session& s) {
    return delete_old_audit(s, OrganizationKey{"acme"}, noon + 3h, 2);
  }),
            0);

  EXPECT_EQ(names({}).size(), 2u);
}

TEST_P(AuditTest, LongNamesAreCutBetweenCharacters) {
  std::string name(296, 'a');
  name += "ééé";
  add("ann", "run.start", name.c_str(), noon);

  EXPECT_THAT(names({}), ElementsAre(std::string(296, 'a') + "…"));
}

TEST(AuditSourceTest, NothingButItsAgeTakesAnEntryAway) {
  std::vector<std::string> found;
  for (const auto& file : std::filesystem::recursive_directory_iterator(CUPOLA_SOURCE_DIR "/src")) {
    if (file.path().extension() != ".cpp" || file.path().filename() == "audit_test.cpp") continue;
    const std::string text = to_lower(*read_file(file.path(), 1u << 22));
    for (const char* statement : {"update audit", "delete from audit", "into audit"}) {
      if (text.find(statement) != std::string::npos) {
        found.push_back(file.path().filename().string() + ": " + statement);
      }
    }
  }
  std::sort(found.begin(), found.end());

  EXPECT_THAT(found, ElementsAre("audit.cpp: delete from audit", "audit.cpp: into audit"));
}

}  // namespace
}  // namespace cupola::store
