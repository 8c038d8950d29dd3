#include "auth/token.h"

#include <gtest/gtest.h>

#include "auth/password.h"

namespace cupola::auth {
namespace {

TEST(TokenTest, LooksLikeATokenAndIsNewEachTime) {
  const Secret token = new_token();

  EXPECT_TRUE(is_token(token.reveal()));
  EXPECT_EQ(token.reveal().size(), 47U);
  EXPECT_NE(token.reveal(), new_token().reveal());
}

TEST(TokenTest, OtherTextsAreNone) {
  const std::string token(new_token().reveal());

  for (const std::string& text :
       {std::string(), std::string("cup_"), token.substr(1), token + "a", token.substr(0, 46) + "'",
        token.substr(0, 46) + std::string("\0", 1)}) {
    EXPECT_FALSE(is_token(text)) << text;
  }
}

TEST(TokenTest, AnInvitationIsNoTokenOfTheApi) {
  const Secret token = new_invitation_token();

  EXPECT_TRUE(is_invitation_token(token.reveal()));
  EXPECT_FALSE(is_token(token.reveal()));
  EXPECT_FALSE(is_invitation_token(new_token().reveal()));
}

TEST(TokenTest, ItsHashIsSha256) {
  EXPECT_EQ(token_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(PasswordTest, IsKnownAgainAndNoOtherIs) {
  const Result<std::string> hash = hash_password(Secret("correct horse"));

  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$"));
  EXPECT_TRUE(is_password(*hash, Secret("correct horse")));
  EXPECT_FALSE(is_password(*hash, Secret("correct horsE")));
  EXPECT_FALSE(is_password("no hash", Secret("correct horse")));
}

TEST(PasswordTest, TooShortAndTooLongAreRefused) {
  EXPECT_FALSE(hash_password(Secret("123456789")));
  EXPECT_FALSE(hash_password(Secret(std::string(1025, 'a'))));
}

}  // namespace
}  // namespace cupola::auth
