// Members, service accounts and tokens.

#include <barrier>
#include <thread>

#include "store/deletions.h"
#include "store/people_test.h"
#include "store/service_accounts.h"
#include "testing/tenant.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MembersTest : public PeopleTest {};
INSTANTIATE_TEST_SUITE_P(On, MembersTest, testing::databases());

TEST_P(MembersTest, ATokenTellsWhoAsksUntilItIsRevokedOrExpires) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  const UserKey ann = add_user(acme, "ann@example.org", Role::operator_);
  write([&](db::Session& s) {
    EXPECT_EQ(
        create_token(s, {.organization = other.key, .user = ann, .name = "t", .hash = "h0"}, noon)
            .error()
            .kind,
        Error::Kind::not_found);
    const auto token =
        create_token(s, {.organization = acme.key, .user = ann, .name = "t", .hash = "h1"}, noon);
    ASSERT_TRUE(create_token(
        s,
        {.organization = acme.key, .user = ann, .name = "t", .hash = "h2", .expires_at = noon + 1h},
        noon));

    const auto member = find_member_by_token(s, "h1", noon);
    ASSERT_TRUE(member);
    EXPECT_EQ(member->organization, acme.key);
    EXPECT_EQ(member->organization_name, "Acme");
    EXPECT_EQ(member->login, "ann@example.org");
    EXPECT_EQ(member->role, Role::operator_);
    EXPECT_EQ(member->token, *token);
    EXPECT_TRUE(member->reach.is_all() && member->has_whole_role && !member->is_service);
    EXPECT_TRUE(find_member_by_token(s, "h2", noon + 1h - 1ms));
    EXPECT_FALSE(find_member_by_token(s, "h2", noon + 1h));
    EXPECT_FALSE(find_member_by_token(s, "h3", noon));

    touch_token(s, *token, noon);
    EXPECT_FALSE(revoke_token(s, other.key, *token, noon));
    EXPECT_TRUE(revoke_token(s, acme.key, *token, noon));
    EXPECT_FALSE(revoke_token(s, acme.key, *token, noon));
    EXPECT_FALSE(find_member_by_token(s, "h1", noon));
  });
}

TEST_P(MembersTest, ATokensRoleIsTheLesserOfItsOwnAndItsHolders) {
  const auto acme = add("Acme");
  add_user(acme, "root", Role::owner);
  const UserKey ann = add_user(acme, "ann", Role::maintainer);
  add_token(acme, ann, "all");
  add_token(acme, ann, "less", {}, Role::viewer);
  add_token(acme, ann, "more", {}, Role::owner);

  EXPECT_EQ(holder("all")->role, Role::maintainer);
  EXPECT_EQ(holder("less")->role, Role::viewer);
  EXPECT_FALSE(holder("less")->has_whole_role);
  EXPECT_EQ(holder("more")->role, Role::maintainer);
  write([&](db::Session& s) {
    const auto set = set_role(s, acme.key, ann, Role::operator_);
    ASSERT_TRUE(set);
  });
  EXPECT_EQ(holder("all")->role, Role::operator_);
  EXPECT_EQ(holder("more")->role, Role::operator_);
}

TEST_P(MembersTest, ATokenWhoseProjectOrDeploymentIsGoneIsNone) {
  const auto tenant = write([&](db::Session& s) { return testing::add_tenant(s, "shop", noon); });
  const UserKey ann = add_user(tenant.organization, "ann", Role::owner);
  const Reach project{.project = tenant.project.key};
  const Reach deployment{.project = tenant.project.key, .deployment = tenant.deployment.key};
  add_token(tenant.organization, ann, "project", project);
  add_token(tenant.organization, ann, "deployment", deployment);
  EXPECT_EQ(holder("project")->reach, project);
  EXPECT_EQ(holder("deployment")->reach, deployment);

  write([&](db::Session& s) {
    ASSERT_TRUE(delete_deployment(s, tenant.organization.key, tenant.deployment.key, noon));
  });
  EXPECT_TRUE(holder("project"));
  EXPECT_FALSE(holder("deployment"));
  write([&](db::Session& s) {
    ASSERT_TRUE(delete_project(s, tenant.organization.key, tenant.project.key, noon));
  });
  EXPECT_FALSE(holder("project"));

  const auto listed =
      db->read([&](db::Session& s) { return list_tokens(s, tenant.organization.key, {}, 10); });
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_TRUE(listed[0].is_void && listed[1].is_void);
}

TEST_P(MembersTest, TokensAreListedNewestFirstInPagesUntilTheyAreRevoked) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  const UserKey ann = add_user(acme, "ann", Role::owner);
  add_token(other, add_user(other, "eve", Role::owner), "e000000000000000-other");
  write([&](db::Session& s) {
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(create_token(s,
                               {.organization = acme.key,
                                .user = ann,
                                .name = "t",
                                .hash = std::to_string(i) + "00000000000000000"},
                               noon + (i / 2) * 1min));
    }
    touch_token(s, find_token(s, acme.key, "4000000000000000")->key, noon + 1h);
    touch_token(s, find_token(s, acme.key, "4000000000000000")->key, noon);
  });

  std::vector<std::string> ids;
  TokenFilter filter;
  for (int page = 0; page < 3; ++page) {
    const auto listed =
        db->read([&](db::Session& s) { return list_tokens(s, acme.key, filter, 2); });
    for (const auto& token : listed) ids.push_back(token.id.substr(0, 1));
    if (!listed.empty()) filter.after = std::pair(listed.back().created_at, listed.back().id);
  }

  EXPECT_THAT(ids, ElementsAre("4", "3", "2", "1", "0"));
  write([&](db::Session& s) {
    EXPECT_EQ(find_token(s, acme.key, "4000000000000000")->last_used_at, noon + 1h);
    EXPECT_FALSE(find_token(s, other.key, "4000000000000000"));
    EXPECT_EQ(revoke_tokens_of(s, acme.key, ann, noon), 5);
    EXPECT_THAT(list_tokens(s, acme.key, {}, 10), IsEmpty());
  });
}

TEST_P(MembersTest, MembersAreListedAndRemovedWithTheirTokens) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  add_user(acme, "root", Role::owner);
  const UserKey ann = add_user(acme, "ann", Role::viewer);
  add_user(other, "ann", Role::owner);
  add_token(acme, ann, "here");
  add_token(other, ann, "there");
  EXPECT_THAT(logins(acme), ElementsAre("ann viewer", "root owner"));
  EXPECT_THAT(logins(acme, "ann"), ElementsAre("root owner"));

  write([&](db::Session& s) {
    EXPECT_FALSE(find_member(s, acme.key, "eve"));
    ASSERT_TRUE(remove_member(s, acme.key, ann, noon));
  });

  EXPECT_THAT(logins(acme), ElementsAre("root owner"));
  EXPECT_FALSE(holder("here"));
  EXPECT_TRUE(holder("there"));
  // Who comes back does so without the tokens of old.
  add_user(acme, "ann", Role::viewer);
  EXPECT_FALSE(holder("here"));
  const auto both = db->read([&](db::Session& s) { return organizations_of(s, ann); });
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].name, "Acme");
  EXPECT_EQ(both[1].role, Role::owner);
}

TEST_P(MembersTest, TheLastOwnerStays) {
  const auto acme = add("Acme");
  const UserKey root = add_user(acme, "root", Role::owner);
  write([&](db::Session& s) {
    // An account of a program is nobody who could let people in.
    ASSERT_TRUE(create_service_account(s, acme.key, "robot", Role::owner, noon));
    EXPECT_EQ(remove_member(s, acme.key, root, noon).error().kind, Error::Kind::conflict);
    EXPECT_EQ(set_role(s, acme.key, root, Role::viewer).error().kind, Error::Kind::conflict);
    ASSERT_TRUE(set_role(s, acme.key, root, Role::owner));
  });
  EXPECT_THAT(logins(acme), ElementsAre("root owner"));

  add_user(acme, "ann", Role::owner);
  write([&](db::Session& s) { ASSERT_TRUE(remove_member(s, acme.key, root, noon)); });
  EXPECT_THAT(logins(acme), ElementsAre("ann owner"));
}

TEST_P(MembersTest, TwoOwnersWhoRemoveEachOtherAtOnceLeaveOne) {
  if (is_in_memory()) GTEST_SKIP() << "its database is this object's own";
  for (int round = 0; round < 5; ++round) {
    const std::string name = "Acme " + std::to_string(round);
    const auto acme = add(name.c_str());
    const UserKey users[] = {add_user(acme, "ann", Role::owner),
                             add_user(acme, "ben", Role::owner)};
    // Two servers: each has a write queue of its own.
    const auto second = db::Database::open({.url = place->url()});
    db::Database* servers[] = {db.get(), second.get()};
    std::barrier both(2);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        both.arrive_and_wait();
        servers[i]->write([&](db::Session& s) {
          const auto removed = remove_member(s, acme.key, users[1 - i], noon);
          static_cast<void>(removed);
        });
      });
    }
    threads.clear();

    EXPECT_EQ(logins(acme).size(), 1u);
  }
}

TEST_P(MembersTest, AServiceAccountIsAMemberOfItsOwnKind) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  const auto robot = write([&](db::Session& s) {
    return create_service_account(s, acme.key, "CI robot", Role::operator_, noon);
  });
  ASSERT_TRUE(robot);
  add_token(acme, robot->user, "hash");

  const auto member = holder("hash");

  ASSERT_TRUE(member);
  EXPECT_EQ(member->login, "CI robot");
  EXPECT_TRUE(member->is_service);
  EXPECT_EQ(member->role, Role::operator_);
  EXPECT_THAT(logins(acme), IsEmpty());
  write([&](db::Session& s) {
    EXPECT_EQ(create_service_account(s, acme.key, "CI robot", Role::viewer, noon).error().kind,
              Error::Kind::conflict);
    EXPECT_EQ(create_service_account(s, acme.key, "a\nb", Role::viewer, noon).error().kind,
              Error::Kind::invalid);
    ASSERT_TRUE(create_service_account(s, other.key, "CI robot", Role::viewer, noon));
    touch_token(s, member->token, noon + 1h);
    const auto listed = list_service_accounts(s, acme.key, "", 10);
    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].tokens, 1);
    EXPECT_EQ(listed[0].last_used_at, noon + 1h);
    EXPECT_THAT(list_service_accounts(s, acme.key, "CI robot", 10), IsEmpty());
    delete_service_account(s, robot->user);
    EXPECT_FALSE(find_service_account(s, acme.key, "CI robot"));
    EXPECT_TRUE(find_service_account(s, other.key, "CI robot"));
  });
  EXPECT_FALSE(holder("hash"));
}

}  // namespace
}  // namespace cupola::store
