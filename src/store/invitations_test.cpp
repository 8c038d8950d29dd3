#include "store/invitations.h"

#include <set>

#include "store/people_test.h"

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

TEST_P(InvitationsTest, OneThatWasMailedSaysWhen) {
  const Invitation mailed = invite("h1");
  invite("h2");

  write([&](db::Session& s) { note_mailed(s, mailed.id, noon + 1s); });

  write([&](db::Session& s) {
    EXPECT_EQ(find_invitation_by_token(s, "h1")->mailed_at, noon + 1s);
    EXPECT_EQ(find_invitation_by_token(s, "h2")->mailed_at, std::nullopt);
  });
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
