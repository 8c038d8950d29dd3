#include "store/organizations.h"

#include <gmock/gmock.h>

#include "store/projects.h"
#include "store/replies.h"
#include "testing/databases.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

constexpr Instant noon = Instant{std::chrono::hours{24 * 20000 + 12}};

class OrganizationsTest : public testing::EachDatabase {
 protected:
  template <typename F>
  auto write(F work) {
    return db->write([&](db::Session& session) { return work(session); });
  }
  Organization add(const char* name) {
    return *write([&](db::Session& s) { return create_organization(s, name, noon); });
  }
};
INSTANTIATE_TEST_SUITE_P(On, OrganizationsTest, testing::databases());

bool is_luhn(const std::string& digits) {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int value = digits[digits.size() - 1 - i] - '0';
    sum += i % 2 == 0 ? value : value * 2 / 10 + value * 2 % 10;
  }
  return sum % 10 == 0;
}

TEST_P(OrganizationsTest, EachHasANameAnIdAndAnAccountNumberOfItsOwn) {
  for (const char* name : {"Acme", "acme", "Ünion"}) {
    const auto made = add(name);
    EXPECT_THAT(made.account_number, MatchesRegex("CUP-[0-9]{10}"));
    EXPECT_TRUE(is_luhn(made.account_number.substr(4))) << made.account_number;
    EXPECT_EQ(made.id.size(), 26u);
  }
  write([](db::Session& s) {
    EXPECT_EQ(create_organization(s, "Acme", noon).error().kind, Error::Kind::conflict);
    EXPECT_EQ(create_organization(s, "", noon).error().kind, Error::Kind::invalid);
    EXPECT_EQ(create_organization(s, std::string(101, 'x'), noon).error().kind,
              Error::Kind::invalid);
    EXPECT_EQ(create_organization(s, "a\x1b", noon).error().kind, Error::Kind::invalid);
    EXPECT_EQ(count_organizations(s), 3);
    EXPECT_FALSE(find_organization(s, "none"));
    return 0;
  });
}

TEST_P(OrganizationsTest, RunsHaveTheHostsNetworkUntilThereIsAnotherOrganizationOrItIsChosen) {
  const auto acme = add("Acme");
  const auto network = [&] {
    return write([&](db::Session& s) { return network_of(s, acme.key); });
  };
  const auto set = [&](const char* name, std::optional<NetworkMode> mode) {
    return write([&](db::Session& s) { return set_network(s, name, mode); });
  };

  EXPECT_EQ(network().mode, NetworkMode::host);
  add("Other");
  EXPECT_EQ(network().mode, NetworkMode::isolated);
  EXPECT_TRUE(network().is_default);
  ASSERT_TRUE(set("Acme", NetworkMode::host));
  EXPECT_EQ(network().mode, NetworkMode::host);
  EXPECT_FALSE(network().is_default);
  ASSERT_TRUE(set("Acme", std::nullopt));
  EXPECT_EQ(network().mode, NetworkMode::isolated);
  EXPECT_EQ(set("Nobody", NetworkMode::host).error().kind, Error::Kind::not_found);
}

TEST_P(OrganizationsTest, ATokenTellsWhoAsksUntilItIsRevokedOrExpires) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  write([&](db::Session& s) {
    const auto user = create_user(s, "ann@example.org", acme.key, Role::viewer, "hash", noon);
    ASSERT_TRUE(user);
    EXPECT_EQ(create_user(s, "ann@example.org", acme.key, Role::operator_, {}, noon)->key,
              user->key);
    EXPECT_EQ(create_user(s, "a b", acme.key, Role::owner, {}, noon).error().kind,
              Error::Kind::invalid);
    EXPECT_EQ(create_token(s, other.key, user->key, "t", "h0", {}, noon).error().kind,
              Error::Kind::not_found);
    const auto token = create_token(s, acme.key, user->key, "t", "h1", {}, noon);
    ASSERT_TRUE(create_token(s, acme.key, user->key, "t", "h2", noon + 1h, noon));

    const auto member = find_member_by_token(s, "h1", noon);
    ASSERT_TRUE(member);
    EXPECT_EQ(member->organization, acme.key);
    EXPECT_EQ(member->organization_name, "Acme");
    EXPECT_EQ(member->login, "ann@example.org");
    EXPECT_EQ(member->role, Role::operator_);
    EXPECT_EQ(member->token, *token);
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

TEST_P(OrganizationsTest, RolesHaveWords) {
  for (const Role role : {Role::viewer, Role::operator_, Role::maintainer, Role::owner}) {
    EXPECT_EQ(parse_role(to_text(role)), role);
  }
  EXPECT_FALSE(parse_role("root"));
}

TEST_P(OrganizationsTest, ProjectsAreFoundByIdNameOrShortNameByTheirOwnersOnly) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  write([&](db::Session& s) {
    const auto create = [&](const OrganizationKey& organization, const char* name) {
      return create_project(s, organization, name, "https://git.example/x", "sub", noon);
    };
    const auto shop = create(acme.key, "Web Shop");
    ASSERT_TRUE(shop);
    EXPECT_EQ(create(acme.key, "web-shop").error().kind, Error::Kind::conflict);
    EXPECT_EQ(create(acme.key, "!").error().kind, Error::Kind::invalid);
    ASSERT_TRUE(create(other.key, "Web Shop"));
    ASSERT_TRUE(create(acme.key, "Api"));
    ASSERT_TRUE(create(acme.key, "zoo"));

    for (const std::string& name : {shop->id, shop->name, shop->slug}) {
      EXPECT_EQ(find_project(s, acme.key, name)->key, shop->key) << name;
    }
    EXPECT_FALSE(find_project(s, other.key, shop->id));
    EXPECT_EQ(find_project(s, shop->key)->directory, "sub");
    const auto names = [&](std::string_view after, int limit) {
      std::vector<std::string> found;
      for (const auto& project : list_projects(s, acme.key, after, limit)) {
        found.push_back(project.name);
      }
      return found;
    };
    EXPECT_THAT(names("", 10), ElementsAre("Api", "Web Shop", "zoo"));
    EXPECT_THAT(names("Api", 1), ElementsAre("Web Shop"));
    EXPECT_EQ(delete_project(s, other.key, shop->key).error().kind, Error::Kind::not_found);
  });
}

TEST_P(OrganizationsTest, ARepeatedPostGetsTheReplyThatWasKept) {
  const auto acme = add("Acme");
  write([&](db::Session& s) {
    EXPECT_FALSE(find_reply(s, acme.key, "k"));
    EXPECT_TRUE(keep_reply(s, acme.key, "k", {"hash", 201, "{}"}, noon));
    EXPECT_FALSE(keep_reply(s, acme.key, "k", {"other", 200, "{}"}, noon));
    EXPECT_EQ(find_reply(s, acme.key, "k")->status, 201);
    EXPECT_FALSE(find_reply(s, OrganizationKey{"x"}, "k"));
    EXPECT_EQ(delete_old_replies(s, noon), 0);
    EXPECT_EQ(delete_old_replies(s, noon + 1ms), 1);
  });
}

}  // namespace
}  // namespace cupola::store
