#include "auth/signed_claims.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "auth/cloud_session.h"
#include "base/files.h"
#include "base/temp_folder.h"
#include "base/text.h"
#include "store/projects.h"
#include "store/tickets.h"
#include "testing/databases.h"

namespace cupola::auth {
namespace {

class SignedClaimsTest : public cupola::testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (!db) return;
    vault_.emplace(store::Vault::open(folder_.path() / "key", *db));
  }
  void TearDown() override { EachDatabase::TearDown(); }

  const Instant now = *parse_rfc3339("2026-11-23T03:00:00Z");
  TempFolder folder_{"cupola-auth"};
  std::optional<store::Vault> vault_;
};

INSTANTIATE_TEST_SUITE_P(On, SignedClaimsTest, cupola::testing::databases());

TEST_P(SignedClaimsTest, AreGoodForTheirPurposeAndTime) {
  const std::string token = sign_claims(*vault_, Purpose::id_token, {{"sub", "ada"}}, now + 1min);

  const auto claims = verified_claims(*vault_, Purpose::id_token, token, now);
  ASSERT_TRUE(claims);
  EXPECT_EQ(text_at(*claims, "sub"), "ada");
  for (const Purpose other : {Purpose::access_token, Purpose::ticket, Purpose::sign_in_form}) {
    EXPECT_FALSE(verified_claims(*vault_, other, token, now));
  }
  EXPECT_FALSE(verified_claims(*vault_, Purpose::id_token, token, now + 1min));
}

TEST_P(SignedClaimsTest, AreNotGoodAltered) {
  const std::string token = sign_claims(*vault_, Purpose::ticket, {{"jti", "1"}}, now + 1min);
  for (std::size_t at = 0; at + 1 < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verified_claims(*vault_, Purpose::ticket, changed, now)) << at;
  }
  for (const std::string& other : {std::string(), token + "A", token + ".", token.substr(1)}) {
    EXPECT_FALSE(verified_claims(*vault_, Purpose::ticket, other, now)) << other;
  }
}

TEST_P(SignedClaimsTest, ASessionNamesOrganizationsAndProjects) {
  db->write([&](db::Session& session) {
    const auto acme = *store::create_organization(session, "acme", now);
    const auto empty = *store::create_organization(session, "empty", now);
    const auto user =
        *store::create_user(session, "ada", acme.key, store::Role::owner, std::nullopt, now);
    ASSERT_TRUE(
        store::create_user(session, "ada", empty.key, store::Role::owner, std::nullopt, now));
    const auto project =
        *store::create_project(session, acme.key, "shop", "https://git.example/x", ".", now);

    const auto opened = open_cloud_session(session, *vault_,
                                           {.user = user.key,
                                            .login = "ada",
                                            .name = "meltano-cloud",
                                            .organizations = {acme, empty},
                                            .role = store::Role::viewer,
                                            .browser = "b",
                                            .expires_at = now + 1h},
                                           now);

    ASSERT_TRUE(opened);
    const auto claims = read_id_token(*vault_, opened->id_token.reveal(), now);
    ASSERT_TRUE(claims);
    EXPECT_TRUE(claims->has_project(acme.id, project.id));
    EXPECT_TRUE(claims->has_project(empty.id, no_project));
    EXPECT_FALSE(claims->has_project(empty.id, project.id));
    EXPECT_FALSE(read_access_token(*vault_, opened->id_token.reveal(), now));
    const auto member =
        store::find_member_by_token(session, cloud_token_hash(claims->session, acme.key), now);
    ASSERT_TRUE(member);
    EXPECT_EQ(member->role, store::Role::viewer);
    EXPECT_EQ(store::list_tokens_of_browser(session, "b").size(), 2U);
    EXPECT_FALSE(store::find_member_by_token(session, cloud_token_hash(claims->session, acme.key),
                                             now + 1h));
  });
}

TEST_P(SignedClaimsTest, BothTokensFitIntoAUrl) {
  db->write([&](db::Session& session) {
    std::vector<store::Organization> organizations;
    UserKey user;
    for (int o = 0; o < 8; ++o) {
      organizations.push_back(
          *store::create_organization(session, "acme " + std::to_string(o), now));
      user = store::create_user(session, "ada", organizations.back().key, store::Role::owner,
                                std::nullopt, now)
                 ->key;
      for (int p = 0; p < 30; ++p) {
        ASSERT_TRUE(store::create_project(session, organizations.back().key,
                                          "p" + std::to_string(p), "https://x.example/", ".", now));
      }
    }
    const auto opened = open_cloud_session(session, *vault_,
                                           {.user = user,
                                            .login = "ada",
                                            .name = "t",
                                            .organizations = organizations,
                                            .role = {},
                                            .browser = {},
                                            .expires_at = now + 1h},
                                           now);
    ASSERT_TRUE(opened);
    EXPECT_LT(opened->id_token.reveal().size() + opened->access_token.reveal().size(), 8000U);
    const auto claims = read_id_token(*vault_, opened->id_token.reveal(), now);
    for (const auto& organization : organizations) {
      EXPECT_TRUE(claims->has_organization(organization.id));
    }
  });
}

TEST_P(SignedClaimsTest, ATicketIsUsedOnce) {
  const auto use = [&](const char* id, Instant at) {
    return db->write(
        [&](db::Session& session) { return store::use_ticket(session, id, now + 1min, at); });
  };

  EXPECT_TRUE(use("a", now));
  EXPECT_FALSE(use("a", now));
  EXPECT_TRUE(use("b", now));
  EXPECT_TRUE(use("a", now + 2min)) << "by then its time is what turns it down";
}

}  // namespace
}  // namespace cupola::auth
