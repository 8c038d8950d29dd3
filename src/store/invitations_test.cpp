#include "store/invitations.h"

#include <set>

#include "base/temp_folder.h"
#include "store/invitation_mails.h"
#include "store/key_rotation.h"
#include "store/people_test.h"
#include "store/vault.h"

namespace cupola::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class InvitationsTest : public PeopleTest {
 protected:
  Invitation invite(const char* hash, Instant expires = noon + 1h) {
    return *write([&](db::Session& s) {
      return create_invitation(s,
                               {.organization = acme.key,
                                .hash = hash,
                                .role = Role::operator_,
                                .invited_by = "root",
                                .expires_at = expires},
                               noon);
    });
  }
  Result<User> join(const Invitation& invitation, const Guest& guest, Instant now = noon) {
    return write([&](db::Session& s) { return join_by_invitation(s, invitation, guest, now); });
  }
  void SetUp() override {
    PeopleTest::SetUp();
    if (!IsSkipped()) acme = add("Acme");
  }
  Organization acme;
};
INSTANTIATE_TEST_SUITE_P(On, InvitationsTest, testing::databases());

TEST_P(InvitationsTest, OneIsGoodForOnePersonOnce) {
  const Invitation invitation = invite("h");
  EXPECT_EQ(invitation.status(noon), InvitationStatus::open);

  const auto ann = join(invitation, {.login = "ann", .password_hash = "ann's"});
  const auto ben = join(invitation, {.login = "ben", .password_hash = "ben's"});

  ASSERT_TRUE(ann);
  EXPECT_EQ(ben.error().kind, Error::Kind::conflict);
  EXPECT_THAT(logins(acme), ElementsAre("ann operator"));
  write([&](db::Session& s) {
    EXPECT_EQ(find_account(s, "ann")->password_hash, "ann's");
    EXPECT_FALSE(find_account(s, "ben"));
    const auto used = find_invitation_by_token(s, "h");
    EXPECT_EQ(used->status(noon), InvitationStatus::accepted);
    EXPECT_EQ(used->accepted_by, "ann");
    EXPECT_FALSE(revoke_invitation(s, invitation.id, noon));
  });
}

class InvitationMailsTest : public InvitationsTest {
 protected:
  void SetUp() override {
    InvitationsTest::SetUp();
    if (!IsSkipped()) vault.emplace(Vault::open(key_file(), *db));
  }
  std::filesystem::path key_file() const { return folder_.path() / "key"; }
  Invitation mail_to(const char* hash, Instant expires = noon + 1h) {
    Invitation invitation = invite(hash, expires);
    write([&](db::Session& s) {
      queue_invitation_mail(s, *vault, invitation, Secret(std::string("https://c/") + hash), noon);
    });
    return invitation;
  }
  std::vector<InvitationMail> claim(Instant now, int most = 10) {
    return write([&](db::Session& s) { return claim_invitation_mails(s, most, now, now + 2min); });
  }
  void finish(const InvitationMail& mail, const std::optional<std::string>& error,
              const std::optional<Instant>& again_at, Instant now) {
    write([&](db::Session& s) { finish_invitation_mail(s, mail, error, again_at, now); });
  }
  Invitation now_of(const Invitation& invitation) {
    return *write([&](db::Session& s) { return find_invitation(s, acme.key, invitation.id); });
  }
  std::int64_t links_kept() {
    return *write([](db::Session& s) {
      return s.one("SELECT count(*) FROM invitations WHERE sealed_link IS NOT NULL",
                   [](const db::Row& row) { return row.get<std::int64_t>(0); });
    });
  }
  const TempFolder folder_{"cupola-invitations"};
  std::optional<Vault> vault;
};
INSTANTIATE_TEST_SUITE_P(On, InvitationMailsTest, testing::databases());

TEST_P(InvitationMailsTest, OneServerTriesUntilItIsTakenAndTheLinkIsSealedUntilThen) {
  const Invitation invitation = mail_to("h1");
  EXPECT_EQ(now_of(invitation).mail.status, "waiting");

  const auto first = claim(noon);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(link_of(*vault, first[0]).reveal(), "https://c/h1");
  EXPECT_EQ(first[0].sealed_link.find("https"), std::string::npos);
  EXPECT_EQ(first[0].organization_name, "Acme");
  EXPECT_THAT(claim(noon), IsEmpty()) << "another server";
  finish(first[0], "451 later", noon + 5s, noon + 1s);
  EXPECT_EQ(now_of(invitation).mail.error, "451 later");
  EXPECT_EQ(now_of(invitation).mail.next_at, noon + 5s);
  EXPECT_THAT(claim(noon + 4s), IsEmpty());

  const auto second = claim(noon + 5s);
  ASSERT_EQ(second.size(), 1u);
  finish(first[0], std::nullopt, std::nullopt, noon + 6s);
  EXPECT_EQ(now_of(invitation).mailed_at, std::nullopt) << "a try that is over says nothing";
  finish(second[0], std::nullopt, std::nullopt, noon + 6s);

  const Invitation mailed = now_of(invitation);
  EXPECT_EQ(mailed.mail.status, "delivered");
  EXPECT_EQ(mailed.mail.tries, 2);
  EXPECT_EQ(mailed.mail.error, std::nullopt);
  EXPECT_EQ(mailed.mailed_at, noon + 6s);
  EXPECT_EQ(links_kept(), 0);
}

TEST_P(InvitationMailsTest, ATryWhoseServerIsGoneIsMadeAgain) {
  mail_to("h1");
  ASSERT_EQ(claim(noon).size(), 1u);

  EXPECT_THAT(claim(noon + 2min - 1ms), IsEmpty());
  EXPECT_EQ(claim(noon + 2min).size(), 1u);
}

TEST_P(InvitationMailsTest, WhatIsGivenUpOrNoLongerOpenKeepsNoLink) {
  const Invitation given_up = mail_to("h1");
  const auto tried = claim(noon);
  finish(tried.at(0), "550 nobody", std::nullopt, noon);
  const Invitation revoked = mail_to("h2");
  const auto under_way = claim(noon);
  write([&](db::Session& s) { EXPECT_TRUE(revoke_invitation(s, revoked.id, noon)); });
  finish(under_way.at(0), "451 later", noon + 5s, noon);
  const Invitation used = mail_to("h3");
  ASSERT_TRUE(join(used, {.login = "ann", .password_hash = "x"}));
  const Invitation expired = mail_to("h4", noon + 1min);

  EXPECT_THAT(claim(noon + 1min), IsEmpty());

  EXPECT_EQ(now_of(given_up).mail.status, "failed");
  EXPECT_EQ(now_of(given_up).mail.error, "550 nobody");
  for (const Invitation& one : {revoked, used, expired}) {
    EXPECT_EQ(now_of(one).mail.status, "dropped");
    EXPECT_EQ(now_of(one).mail.next_at, std::nullopt);
  }
  EXPECT_EQ(links_kept(), 0);
}

TEST_P(InvitationMailsTest, ARotationOfTheKeySealsLinksAnew) {
  mail_to("h1");

  EXPECT_EQ(rotate_key(key_file(), *db, [](db::Session&, const KeyRotation&) {}).values, 1);

  EXPECT_EQ(link_of(*vault, claim(noon).at(0)).reveal(), "https://c/h1");
}

TEST_P(InvitationsTest, ExpiredOrRevokedItIsGoodForNobody) {
  const Invitation expired = invite("h1");
  const Invitation revoked = invite("h2");
  write([&](db::Session& s) { EXPECT_TRUE(revoke_invitation(s, revoked.id, noon)); });

  EXPECT_FALSE(join(expired, {.login = "ann", .password_hash = "x"}, noon + 1h));
  EXPECT_FALSE(join(revoked, {.login = "ann", .password_hash = "x"}));

  EXPECT_THAT(logins(acme), IsEmpty());
  EXPECT_EQ(expired.status(noon + 1h), InvitationStatus::expired);
}

TEST_P(InvitationsTest, ALoginThatIsThereIsNotTakenOver) {
  const auto other = add("Other");
  write([&](db::Session& s) {
    ASSERT_TRUE(create_user(s, "ann", other.key, Role::owner, "ann's", noon));
  });
  const Invitation invitation = invite("h");
  const auto account = db->read([&](db::Session& s) { return find_account(s, "ann"); });

  // As who saw no account of the login, and as who saw another password.
  EXPECT_FALSE(join(invitation, {.login = "ann", .password_hash = "eve's"}));
  Account changed = *account;
  changed.password_hash = "older";
  EXPECT_FALSE(join(invitation, {.login = "ann", .account = changed}));
  EXPECT_THAT(logins(acme), IsEmpty());

  ASSERT_TRUE(join(invitation, {.login = "ann", .account = account}));
  EXPECT_THAT(logins(acme), ElementsAre("ann operator"));
  EXPECT_EQ(db->read([&](db::Session& s) { return find_account(s, "ann"); }), account);
}

TEST_P(InvitationsTest, AMemberStaysWhatItIsAndTheInvitationOpen) {
  add_user(acme, "ann", Role::owner);
  const auto account = db->read([&](db::Session& s) { return find_account(s, "ann"); });
  const Invitation invitation = invite("h");

  EXPECT_EQ(join(invitation, {.login = "ann", .account = account}).error().kind,
            Error::Kind::conflict);
  EXPECT_EQ(join(invitation, {.login = "a b", .password_hash = "x"}).error().kind,
            Error::Kind::invalid);

  EXPECT_THAT(logins(acme), ElementsAre("ann owner"));
  write([&](db::Session& s) {
    EXPECT_EQ(find_invitation(s, acme.key, invitation.id)->status(noon), InvitationStatus::open);
  });
}

TEST_P(InvitationsTest, AreListedInPagesByTheirOrganization) {
  const auto other = add("Other");
  for (const char* hash : {"a", "b", "c"}) invite(hash);

  std::vector<std::string> ids;
  std::optional<std::pair<Instant, std::string>> after;
  for (int page = 0; page < 3; ++page) {
    for (const auto& one :
         db->read([&](db::Session& s) { return list_invitations(s, acme.key, after, 1); })) {
      ids.push_back(one.id);
      after = std::pair(one.created_at, one.id);
    }
  }

  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 3u);
  db->read([&](db::Session& s) {
    EXPECT_THAT(list_invitations(s, other.key, std::nullopt, 10), IsEmpty());
    EXPECT_FALSE(find_invitation(s, other.key, ids[0]));
  });
}

}  // namespace
}  // namespace cupola::store
