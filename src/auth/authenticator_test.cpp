#include "auth/authenticator.h"

#include <gtest/gtest.h>

#include "auth/token.h"
#include "testing/databases.h"

namespace cupola::auth {
namespace {

class AuthenticatorTest : public cupola::testing::EachDatabase {
 protected:
  /// A member with a token; gives its Authorization header.
  std::string add_member(const std::string& organization, std::optional<Instant> expires = {}) {
    const Secret token = new_token();
    key_ = db->write([&](db::Session& session) {
      const auto made = store::create_organization(session, organization, now);
      const auto user =
          store::create_user(session, "ada", made->key, store::Role::operator_, std::nullopt, now);
      organization_ = made->key;
      return *store::create_token(session,
                                  {.organization = made->key,
                                   .user = user->key,
                                   .name = "laptop",
                                   .hash = token_hash(token.reveal()),
                                   .expires_at = expires},
                                  now);
    });
    return "Bearer " + std::string(token.reveal());
  }
  void revoke() {
    db->write([&](db::Session& session) {
      return store::revoke_token(session, organization_, key_, now);
    });
  }

  const Instant now = *parse_rfc3339("2026-11-23T03:00:00Z");
  OrganizationKey organization_;
  TokenKey key_;
};

INSTANTIATE_TEST_SUITE_P(On, AuthenticatorTest, cupola::testing::databases());

TEST_P(AuthenticatorTest, KnowsTheHolderOfAToken) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);

  const Result<store::Member> member = authenticator.authenticate(header, now);

  ASSERT_TRUE(member);
  EXPECT_EQ(member->login, "ada");
  EXPECT_EQ(member->role, store::Role::operator_);
  EXPECT_EQ(member->organization_name, "Acme");
  EXPECT_EQ(member->token_name, "laptop");
  EXPECT_TRUE(member->account_number.starts_with("CUP-"));
}

TEST_P(AuthenticatorTest, TurnsAwayWhatIsNoTokenOfOurs) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);

  for (const std::string& wrong :
       {std::string(), std::string("Bearer"), std::string("Basic YTpi"),
        "Token " + header.substr(7), "Bearer " + std::string(new_token().reveal()), header + "x",
        header.substr(0, 30)}) {
    const Result<store::Member> member = authenticator.authenticate(wrong, now);

    ASSERT_FALSE(member) << wrong;
    EXPECT_EQ(member.error().kind, Error::Kind::unauthorized);
  }
  EXPECT_TRUE(authenticator.authenticate("bearer  " + header.substr(7), now));
}

TEST_P(AuthenticatorTest, ARevokedTokenWorksForASecondAtMost) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);
  ASSERT_TRUE(authenticator.authenticate(header, now));

  revoke();

  EXPECT_TRUE(authenticator.authenticate(header, now + 999ms));
  EXPECT_FALSE(authenticator.authenticate(header, now + 1000ms));
  EXPECT_FALSE(Authenticator(*db).authenticate(header, now));
}

TEST_P(AuthenticatorTest, WhatIsForgottenIsLookedUpAtOnce) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);
  ASSERT_TRUE(authenticator.authenticate(header, now));

  revoke();
  authenticator.forget();

  EXPECT_FALSE(authenticator.authenticate(header, now));
}

TEST_P(AuthenticatorTest, TellsALastUseBeforeItIsWrittenDown) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);
  ASSERT_FALSE(authenticator.last_use(key_));

  ASSERT_TRUE(authenticator.authenticate(header, now));

  EXPECT_EQ(authenticator.last_use(key_), now);
  authenticator.keep_uses();
  EXPECT_FALSE(authenticator.last_use(key_));
}

TEST_P(AuthenticatorTest, AClockSetBackDoesNotKeepARevokedTokenAlive) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);
  ASSERT_TRUE(authenticator.authenticate(header, now));

  revoke();

  EXPECT_FALSE(authenticator.authenticate(header, now - 1h));
}

TEST_P(AuthenticatorTest, AnExpiredTokenIsNone) {
  const std::string header = add_member("Acme", now + 1min);
  Authenticator authenticator(*db);

  EXPECT_TRUE(authenticator.authenticate(header, now));
  EXPECT_FALSE(authenticator.authenticate(header, now + 1min));
}

TEST_P(AuthenticatorTest, WritesDownUsesOnceEach) {
  const std::string header = add_member("Acme");
  Authenticator authenticator(*db);
  ASSERT_TRUE(authenticator.authenticate(header, now));
  ASSERT_TRUE(authenticator.authenticate(header, now + 2s));

  EXPECT_EQ(authenticator.keep_uses(), 1);
  EXPECT_EQ(authenticator.keep_uses(), 0);
}

}  // namespace
}  // namespace cupola::auth
