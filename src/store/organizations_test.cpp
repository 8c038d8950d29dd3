#include "store/organizations.h"

#include <gmock/gmock.h>

#include "store/deletions.h"
#include "store/heartbeats.h"
#include "store/organization_name.h"
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

TEST_P(OrganizationsTest, AUserIsMadeOnceAndGivenAnotherRole) {
  const auto acme = add("Acme");
  write([&](db::Session& s) {
    const auto user = create_user(s, "ann@example.org", acme.key, Role::viewer, "hash", noon);
    ASSERT_TRUE(user);
    EXPECT_EQ(create_user(s, "ann@example.org", acme.key, Role::operator_, {}, noon)->key,
              user->key);
    for (const char* login : {"", "a b", "a\r\nb", "service:x"}) {
      EXPECT_EQ(create_user(s, login, acme.key, Role::owner, {}, noon).error().kind,
                Error::Kind::invalid)
          << login;
    }
  });
}

TEST_P(OrganizationsTest, BillsGoWhereTheyAreSaidTo) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  const Billing billing{
      .name = "Acme Ltd", .address = "1 Main Street\nSpringfield", .email = "bills@acme.example"};
  write([&](db::Session& s) {
    EXPECT_EQ(billing_of(s, acme.key), Billing{});

    ASSERT_TRUE(set_billing(s, acme.key, billing));

    EXPECT_EQ(billing_of(s, acme.key), billing);
    EXPECT_EQ(billing_of(s, other.key), Billing{});
    for (const Billing& wrong :
         {Billing{.name = "a\nb"}, Billing{.name = std::string(201, 'x')},
          Billing{.address = "a\r\nb"}, Billing{.address = std::string(10, '\n')},
          Billing{.email = "nobody"}, Billing{.email = "a@b\r\nBcc: c@d"},
          Billing{.email = "a@b,c@d"}, Billing{.email = "@b"}, Billing{.email = "a@"},
          Billing{.email = "a@b..c"}, Billing{.email = "a b@c"}}) {
      EXPECT_EQ(set_billing(s, acme.key, wrong).error().kind, Error::Kind::invalid)
          << wrong.name << wrong.address << wrong.email;
    }
    EXPECT_EQ(billing_of(s, acme.key), billing);
    ASSERT_TRUE(set_billing(s, acme.key, {}));
    EXPECT_EQ(billing_of(s, acme.key), Billing{});
  });
}

TEST_P(OrganizationsTest, AnIdIsRotatedAndNothingElse) {
  const auto acme = add("Acme");
  write([&](db::Session& s) {
    const auto shop = create_project(s, acme.key, "Shop", "https://git.example/x", ".", noon);

    const std::string organization_id = rotate_organization_id(s, acme.key);
    const std::string project_id = rotate_project_id(s, shop->key);

    EXPECT_THAT(organization_id, MatchesRegex("[0-9A-Z]{26}"));
    EXPECT_NE(organization_id, acme.id);
    EXPECT_NE(project_id, shop->id);
    const auto after = find_organization(s, "Acme");
    EXPECT_EQ(after->id, organization_id);
    EXPECT_EQ(after->key, acme.key);
    EXPECT_EQ(after->account_number, acme.account_number);
    EXPECT_FALSE(find_project(s, acme.key, shop->id));
    EXPECT_EQ(find_project(s, acme.key, project_id)->key, shop->key);
    EXPECT_EQ(find_project(s, acme.key, "shop")->id, project_id);
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
    EXPECT_EQ(delete_project(s, other.key, shop->key, noon).error().kind, Error::Kind::not_found);
  });
}

TEST_P(OrganizationsTest, OneGetsAnotherNameThatNoOtherHas) {
  const auto acme = add("Acme");
  add("Other");
  write([&](db::Session& s) {
    EXPECT_EQ(rename_organization(s, acme.key, "Other").error().kind, Error::Kind::conflict);
    EXPECT_EQ(rename_organization(s, acme.key, "a\nb").error().kind, Error::Kind::invalid);
    ASSERT_TRUE(rename_organization(s, acme.key, "Acme Ltd"));
    ASSERT_TRUE(rename_organization(s, acme.key, "Acme Ltd")) << "its own name is not taken";
    EXPECT_EQ(find_organization(s, acme.key)->name, "Acme Ltd");
    EXPECT_FALSE(find_organization(s, "Acme"));
  });
}

TEST_P(OrganizationsTest, AHeartbeatIsOfOneOrganization) {
  const auto acme = add("Acme");
  const auto other = add("Other");
  write([&](db::Session& s) {
    EXPECT_EQ(heartbeat_of(s, acme.key), std::nullopt);
    set_heartbeat(s, acme.key, "https://beat.example/1");
    EXPECT_EQ(heartbeat_of(s, acme.key), "https://beat.example/1");
    EXPECT_EQ(heartbeat_of(s, other.key), std::nullopt);
    EXPECT_TRUE(has_heartbeats(s));
    set_heartbeat(s, acme.key, std::nullopt);
    EXPECT_FALSE(has_heartbeats(s));
    EXPECT_TRUE(claim_heartbeats(s, noon, 1min).empty());
  });
}

TEST_P(OrganizationsTest, OfSeveralServersOneAsksAHeartbeatEachMinute) {
  const auto acme = add("Acme");
  const auto claimed = [&](Instant now) {
    return write([&](db::Session& s) { return claim_heartbeats(s, now, 1min).size(); });
  };
  write([&](db::Session& s) { set_heartbeat(s, acme.key, "https://beat.example/1"); });

  EXPECT_EQ(claimed(noon), 1U);
  EXPECT_EQ(claimed(noon), 0U) << "another server";
  EXPECT_EQ(claimed(noon + 59s), 0U);
  EXPECT_EQ(claimed(noon + 1min), 1U);
  EXPECT_EQ(claimed(noon - 1h), 1U) << "the clock was set back";
  write([&](db::Session& s) { set_heartbeat(s, acme.key, "https://beat.example/2"); });
  EXPECT_EQ(claimed(noon - 1h), 1U) << "another address is due at once";
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
