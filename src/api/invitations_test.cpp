// Invitations by link, from the making to the member.

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "auth/guesses.h"
#include "auth/password.h"
#include "base/text.h"
#include "store/invitation_mails.h"

namespace cupola::api {
namespace {

using store::Role;
using ::testing::HasSubstr;

class ApiInvitationsTest : public ApiTest {
 protected:
  std::string invite(const std::string& body = R"({"role":"operator"})") {
    const Answer made = ask("POST", "/api/v1/invitations", body);
    EXPECT_EQ(made.status, 201) << made.text;
    id_ = text_at(made.object(), "id");
    link_ = text_at(made.object(), "link");
    return text_at(made.object(), "token");
  }
  Answer accept(const std::string& token, const std::string& login,
                const std::string& password = "correct horse") {
    const json::object body{{"token", token}, {"login", login}, {"password", password}};
    return ask_as("", "POST", "/api/v1/invitations/accept", json::serialize(body));
  }
  std::string id_;
  std::string link_;
};

TEST_F(ApiInvitationsTest, ALinkMakesAMemberWithAToken) {
  const std::string token = invite(R"({"role":"operator","email":"new@acme.example"})");
  EXPECT_EQ(link_, "https://cupola.example/invitations/" + token);
  const Answer opened = ask_as("", "GET", "/invitations/" + token);
  EXPECT_EQ(text_at(opened.object(), "organization"), "acme");
  EXPECT_EQ(text_at(opened.object(), "role"), "operator");

  const Answer joined = accept(token, "new");

  ASSERT_EQ(joined.status, 201) << joined.text;
  const std::string header = "Bearer " + text_at(joined.object(), "token");
  const json::object who = ask_as(header, "GET", "/api/v1/whoami").object();
  EXPECT_EQ(text_at(who, "login"), "new");
  EXPECT_EQ(text_at(who, "role"), "operator");
  const Answer list = ask("GET", "/api/v1/invitations");
  EXPECT_THAT(list.text, HasSubstr(R"("status":"accepted")"));
  EXPECT_THAT(list.text, ::testing::Not(HasSubstr("inv_")));
}

TEST_F(ApiInvitationsTest, WithAMailServerTheLinkIsQueuedAndItsStateIsShown) {
  invite(R"({"role":"operator","email":"new@acme.example"})");
  EXPECT_THAT(ask("GET", "/api/v1/invitations").text, HasSubstr(R"("mail":null)"));
  context_.hooks.has_mail_server = true;

  const Answer made =
      ask("POST", "/api/v1/invitations", Role::owner, R"({"role":"viewer","email":"a@b.example"})");
  const Answer plain = ask("POST", "/api/v1/invitations", Role::owner, R"({"role":"viewer"})");

  EXPECT_THAT(made.text, HasSubstr(R"("mail":{"status":"waiting","tries":0,"error":null,)"));
  EXPECT_THAT(plain.text, HasSubstr(R"("mail":null)"));
  const auto mails = db_->write([&](db::Session& db) {
    return store::claim_invitation_mails(db, 10, clock_.now(), clock_.now() + 1min);
  });
  ASSERT_EQ(mails.size(), 1u);
  EXPECT_EQ(store::link_of(vault_, mails[0]).reveal(), text_at(made.object(), "link"));
}

TEST_F(ApiInvitationsTest, UsedRevokedExpiredAndUnknownOnesSaySo) {
  const std::string used = invite();
  ASSERT_EQ(accept(used, "first").status, 201);
  const std::string revoked = invite();
  ASSERT_EQ(ask("DELETE", "/api/v1/invitations/" + id_).status, 204);
  EXPECT_EQ(ask("DELETE", "/api/v1/invitations/" + id_).status, 409);
  const std::string expired = invite(R"({"role":"viewer","expires_in":"1h"})");
  clock_.advance(1h);

  EXPECT_THAT(accept(used, "second").detail(), HasSubstr("used already"));
  EXPECT_THAT(accept(revoked, "second").detail(), HasSubstr("was revoked"));
  EXPECT_THAT(accept(expired, "second").detail(), HasSubstr("expired at 2026-11-23T04:10:00Z"));
  for (const std::string& token : {used, revoked, expired}) {
    EXPECT_EQ(accept(token, "second").status, 409);
    EXPECT_EQ(ask_as("", "GET", "/invitations/" + token).status, 409);
  }
  for (const std::string& token : {"inv_" + std::string(43, 'x'), std::string("inv_"), used + "x",
                                   acme_.tokens.at(Role::owner).substr(7)}) {
    EXPECT_EQ(accept(token, "second").status, 404) << token;
    EXPECT_EQ(ask_as("", "GET", "/invitations/" + token).status, 404) << token;
  }
  EXPECT_EQ(ask("GET", "/api/v1/members/second").status, 404);
}

TEST_F(ApiInvitationsTest, WhoHasAnAccountGivesItsPassword) {
  const auto hash = auth::hash_password(Secret("battery staple"));
  db_->write([&](db::Session& db) {
    ASSERT_TRUE(store::create_user(db, "ann", other_.tenant.organization.key, Role::owner, *hash,
                                   clock_.now()));
  });
  const std::string token = invite();

  const Answer wrong = accept(token, "ann", "correct horse");
  const Answer without = accept(token, "other-viewer", "correct horse");
  const Answer right = accept(token, "ann", "battery staple");

  EXPECT_EQ(wrong.status, 401) << wrong.text;
  EXPECT_EQ(without.status, 401) << without.text;
  EXPECT_EQ(right.status, 201) << right.text;
  EXPECT_EQ(ask("GET", "/api/v1/members/other-viewer").status, 404);
  EXPECT_EQ(ask_as(other_.tokens.at(Role::owner), "GET", "/api/v1/members/ann").status, 200);
  EXPECT_EQ(accept(invite(), "ann", "battery staple").status, 409);
}

TEST_F(ApiInvitationsTest, PasswordsAreNotGuessedAtForLong) {
  const std::string token = invite();
  for (int i = 0; i < auth::Guesses::most_per_login; ++i) {
    EXPECT_EQ(accept(token, "other-viewer", "wrong " + std::to_string(i)).status, 401);
  }

  const Answer answer = accept(token, "other-viewer", "wrong again");

  EXPECT_EQ(answer.status, 429) << answer.text;
  EXPECT_THAT(answer.headers,
              ::testing::Contains(std::pair<std::string, std::string>("Retry-After", "900")));
  clock_.advance(15min);
  EXPECT_EQ(accept(token, "other-viewer", "wrong again").status, 401);
}

TEST_F(ApiInvitationsTest, FaultyOnesAreRefusedWithTheFault) {
  for (const char* body :
       {"{}", R"({"role":"god"})", R"({"role":"viewer","email":"none"})",
        R"({"role":"viewer","email":"a@b\r\nBcc: c@d"})", R"({"role":"viewer","expires_in":"91d"})",
        R"({"role":"viewer","expires_in":"0s"})", R"({"role":"viewer","to":"x"})"}) {
    EXPECT_EQ(ask("POST", "/api/v1/invitations", body).status, 422) << body;
  }
  const std::string token = invite();
  EXPECT_EQ(accept(token, "").status, 422);
  EXPECT_EQ(accept(token, "a b").status, 422);
  EXPECT_EQ(accept(token, "a\r\nb").status, 422);
  EXPECT_EQ(accept(token, "service:x").status, 422);
  EXPECT_EQ(accept(token, std::string(256, 'x')).status, 422);
  EXPECT_EQ(accept(token, "new", "short").status, 422);
  EXPECT_EQ(accept(token, "new").status, 201);
  EXPECT_EQ(ask("DELETE", "/api/v1/invitations/" + other_.invitation).status, 404);
}

}  // namespace
}  // namespace cupola::api
