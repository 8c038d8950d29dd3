// Signing in by a browser: pages, what they let through, the tokens at the end, and their end.

#include <thread>

#include <gmock/gmock.h>

#include "api/api_test.h"
#include "auth/password.h"
#include "base/text.h"
#include "store/audit.h"
#include "store/members.h"

namespace cupola::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* password = "correct horse battery";
constexpr const char* authorize =
    "/oauth2/authorize?client_id=x&response_type=token&scope=openid&redirect_uri=";

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from);
  if (begin == std::string::npos) return "";
  const std::size_t at = begin + from.size();
  return text.substr(at, text.find(to, at) - at);
}

std::string header_of(const Answer& answer, const std::string& name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) return value;
  }
  return "";
}

std::string form_of(const Answer& answer) {
  return between(answer.text, "name=\"form\" value=\"", "\"");
}

class CloudSignInTest : public ApiTest {
 protected:
  void SetUp() override {
    db_->write([&](db::Session& db) {
      const auto hash = auth::hash_password(Secret(password));
      ASSERT_TRUE(store::create_user(db, "ada", acme_.tenant.organization.key,
                                     store::Role::maintainer, *hash, clock_.now()));
    });
  }

  std::string cookie;  ///< of the form
  std::string browser;

  Answer open(const std::string& redirect = "http://localhost:9999") {
    Answer page = ask_as("", "GET", authorize + redirect);
    cookie = between(header_of(page, "Set-Cookie"), "cupola_form=", ";");
    return page;
  }
  Answer post(const std::string& path, const std::string& body, const std::string& of_form) {
    return ask_as("", "POST", path, "form=" + of_form + "&" + body,
                  {{"cookie", "a=b; cupola_form=" + cookie}});
  }
  Answer give_password(const Answer& page, const std::string& word = "correct+horse+battery",
                       const std::string& login = "ada") {
    return post("/oauth2/authorize", "login=" + login + "&password=" + word, form_of(page));
  }
  struct Tokens {
    std::string id;
    std::string access;
  };
  Tokens sign_in() {
    const Answer done = post("/oauth2/consent", "answer=allow", form_of(give_password(open())));
    EXPECT_EQ(done.status, 303) << done.text;
    browser = between(header_of(done, "Set-Cookie"), "cupola_browser=", ";");
    const std::string location = header_of(done, "Location");
    EXPECT_THAT(location, ::testing::StartsWith("http://localhost:9999/#id_token="));
    return {.id = "Bearer " + between(location, "id_token=", "&"),
            .access = "Bearer " + location.substr(location.find("access_token=") + 13)};
  }
  int user_info(const Tokens& tokens) {
    return ask_as(tokens.access, "GET", "/oauth2/userInfo").status;
  }
  std::string projects_path() const { return "/projects/v1/" + acme_.tenant.organization.id; }
  std::vector<std::string> audited() {
    std::vector<std::string> all;
    for (const auto& entry : db_->read([&](db::Session& db) {
           return store::list_audit(db, acme_.tenant.organization.key, {}, 100);
         })) {
      all.push_back(entry.action + " by " + entry.actor);
    }
    return all;
  }
};

TEST_F(CloudSignInTest, EndsWithTokensThatWorkAndAreNamedInTheAuditLog) {
  const Tokens tokens = sign_in();

  EXPECT_EQ(ask_as(tokens.id, "GET", projects_path()).status, 200);
  const Answer info = ask_as(tokens.access, "GET", "/oauth2/userInfo");
  EXPECT_EQ(text_at(info.object(), "preferred_username"), "ada");
  EXPECT_EQ(audited(), std::vector<std::string>{"token.create by ada"});
  EXPECT_THAT(ask("GET", "/api/v1/tokens").text, HasSubstr("meltano-cloud"));
  // One is not the other, and neither is a token of our own API.
  EXPECT_EQ(ask_as(tokens.access, "GET", projects_path()).status, 403);
  EXPECT_EQ(ask_as(tokens.id, "GET", "/oauth2/userInfo").status, 401);
  EXPECT_EQ(ask_as(tokens.id, "GET", "/api/v1/whoami").status, 401);
}

TEST_F(CloudSignInTest, ATokenOfTheApiIsASignInToo) {
  const std::string token = limited_token({});

  const Answer info = ask_as(token, "GET", "/oauth2/userInfo");

  EXPECT_EQ(text_at(info.object(), "preferred_username"), "acme-owner");
  EXPECT_EQ(ask_as("Bearer cup_" + std::string(43, 'x'), "GET", "/oauth2/userInfo").status, 401);
}

TEST_F(CloudSignInTest, AStreamGoesOnAsLongAsTheSignInHolds) {
  const Tokens tokens = sign_in();
  const Answer log = ask_as(tokens.id, "GET",
                            "/logs/v1/" + acme_.tenant.organization.id + "/" +
                                acme_.tenant.project.id + "/" + acme_.run.text());
  ASSERT_TRUE(log.stream);
  EXPECT_THAT(log.stream().data, HasSubstr("acme line 1"));
  const auto passed = [] { std::this_thread::sleep_for(1001ms); };

  passed();
  EXPECT_FALSE(log.stream().finished);
  ask_as("", "GET", "/logout?client_id=x&logout_uri=http://localhost:9999/logout", "",
         {{"cookie", "cupola_browser=" + browser}});
  passed();

  EXPECT_THROW(log.stream(), Failure);
}

TEST_F(CloudSignInTest, PagesCannotBeFramedNorScripted) {
  const Answer page = open();
  const Answer consent = give_password(page);

  for (const Answer& shown : {page, consent}) {
    const std::string policy = header_of(shown, "Content-Security-Policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(shown.text, Not(HasSubstr("<script")));
  }
  EXPECT_THAT(header_of(page, "Set-Cookie"), HasSubstr("; HttpOnly; SameSite=Strict; Secure"));
  EXPECT_THAT(consent.text, HasSubstr("You are <strong>ada</strong>"));
  EXPECT_THAT(consent.text, HasSubstr("<strong>acme</strong>, as maintainer"));
  EXPECT_THAT(consent.text, HasSubstr("http://localhost:9999"));
  EXPECT_THAT(consent.text, Not(HasSubstr(password)));
}

TEST_F(CloudSignInTest, LeadsNowhereButToThisComputer) {
  for (const char* redirect :
       {"https://localhost:9999", "http://localhost", "http://localhost:", "http://localhost:0",
        "http://localhost:99999", "http://localhost:09", "http://localhost:9999/",
        "http://localhost:9999/x", "http://localhost:9999@evil.example", "http://127.0.0.1:9999",
        "http://localhost.evil.example:9999", "http://evil.example:9999", "javascript:alert(1)",
        "http://LOCALHOST:9999", "http://localhost:9999#x", " http://localhost:9999", ""}) {
    const Answer answer = open(redirect);
    EXPECT_EQ(answer.status, 400) << redirect;
    EXPECT_EQ(form_of(answer), "") << redirect;
    EXPECT_EQ(header_of(answer, "Location"), "") << redirect;
  }
  EXPECT_EQ(ask_as("", "GET",
                   "/oauth2/authorize?response_type=code&redirect_uri=" +
                       std::string("http://localhost:9999"))
                .status,
            400);
  EXPECT_EQ(ask_as("", "GET", "/logout?logout_uri=http://evil.example/logout").status, 400);
  EXPECT_EQ(ask_as("", "GET", "/logout?logout_uri=http://localhost:9999/").status, 400);
}

TEST_F(CloudSignInTest, WrongPasswordsAreFewAndTellNothing) {
  const Answer page = open();
  const std::string wrong = give_password(page, "wrong").text;
  EXPECT_EQ(give_password(page, "wrong", "nobody").status, 403);
  EXPECT_THAT(give_password(page, "wrong", "nobody").text, HasSubstr("do not belong together"));
  EXPECT_THAT(wrong, HasSubstr("do not belong together"));
  EXPECT_EQ(give_password(page, "", "acme-owner").status, 403);  // who has no password
  EXPECT_THAT(give_password(page, "x", "<script>").text, Not(HasSubstr("<script>")));

  int last = 0;
  for (int i = 0; i < 10; ++i) last = give_password(page, "wrong").status;
  EXPECT_EQ(last, 429);
  EXPECT_EQ(give_password(page).status, 429);
  EXPECT_TRUE(audited().empty());
}

TEST_F(CloudSignInTest, AFormIsOfOneBrowserAndGoodOnce) {
  const Answer page = open();
  const std::string form = form_of(page);
  const std::string own = cookie;

  cookie = std::string(64, 'a');
  EXPECT_EQ(give_password(page).status, 403);
  cookie = "";
  EXPECT_EQ(give_password(page).status, 403);
  cookie = own;
  // The form of the password gives nothing, and that of the consent is signed.
  EXPECT_EQ(post("/oauth2/consent", "answer=allow", form).status, 403);
  EXPECT_EQ(post("/oauth2/consent", "answer=allow", "").status, 403);
  const std::string consent = form_of(give_password(page));
  EXPECT_EQ(post("/oauth2/consent", "answer=allow", consent + "x").status, 403);
  EXPECT_EQ(header_of(post("/oauth2/consent", "answer=deny", consent), "Location"), "");
  EXPECT_TRUE(audited().empty());

  EXPECT_EQ(post("/oauth2/consent", "answer=allow", consent).status, 303);
  EXPECT_EQ(post("/oauth2/consent", "answer=allow", consent).status, 403);
  const std::string late = form_of(give_password(page));
  clock_.advance(15min);
  EXPECT_EQ(post("/oauth2/consent", "answer=allow", late).status, 403);
  EXPECT_EQ(audited().size(), 1U);
}

TEST_F(CloudSignInTest, SigningOutEndsAllThatTheBrowserWasGiven) {
  const Tokens tokens = sign_in();
  const std::string logout = "/logout?client_id=x&logout_uri=http://localhost:9999/logout";

  EXPECT_EQ(
      ask_as("", "GET", logout, "", {{"cookie", "cupola_browser=" + std::string(64, 'b')}}).status,
      303);
  EXPECT_EQ(user_info(tokens), 200);
  const Answer out = ask_as("", "GET", logout, "", {{"cookie", "cupola_browser=" + browser}});

  EXPECT_EQ(header_of(out, "Location"), "http://localhost:9999/logout");
  EXPECT_EQ(ask_as(tokens.id, "GET", projects_path()).status, 403);
  EXPECT_EQ(user_info(tokens), 401);
  EXPECT_EQ(audited(), (std::vector<std::string>{"token.revoke by ada", "token.create by ada"}));
}

TEST_F(CloudSignInTest, TokensThatAreNoneAreRefusedByBoth) {
  const Tokens good = sign_in();
  const auto parts = split(good.id, '.');
  const std::string unsigned_token =
      "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + std::string(parts[1]) + ".";
  for (const std::string& token :
       {std::string("Bearer x"), unsigned_token, good.id + "A", good.id.substr(0, 100),
        std::string(parts[0]) + "." + std::string(parts[1]) + "." + std::string(43, 'A')}) {
    EXPECT_EQ(ask_as(token, "GET", projects_path()).status, 403) << token;
    EXPECT_EQ(ask_as(token, "GET", "/oauth2/userInfo").status, 401) << token;
  }
  clock_.advance(24h);
  EXPECT_EQ(ask_as(good.id, "GET", projects_path()).status, 403);
  EXPECT_EQ(user_info(good), 401);
}

TEST_F(CloudSignInTest, ThoseThatEndedFillNoLists) {
  sign_in();
  sign_in();
  const auto listed = [&] {
    int count = 0;
    const Answer answer = ask("GET", "/api/v1/tokens?login=ada");
    for (const auto& token : answer.object().at("tokens").as_array()) {
      count += text_at(token.as_object(), "name") == "meltano-cloud";
    }
    return count;
  };
  EXPECT_EQ(listed(), 2);

  clock_.advance(24h);
  const Tokens fresh = sign_in();

  EXPECT_EQ(listed(), 1);
  EXPECT_EQ(user_info(fresh), 200);
}

TEST_F(CloudSignInTest, AStaleIdHasOneSignInAnew) {
  const Tokens tokens = sign_in();
  const std::string schedules =
      "/schedules/v1/" + acme_.tenant.organization.id + "/" + acme_.tenant.project.id;
  ASSERT_EQ(ask_as(tokens.id, "GET", schedules).status, 200);

  const std::string fresh = db_->write(
      [&](db::Session& db) { return store::rotate_project_id(db, acme_.tenant.project.key); });
  EXPECT_EQ(ask_as(tokens.id, "GET", schedules).status, 403);
  EXPECT_EQ(user_info(tokens), 401);
  EXPECT_EQ(ask_as(tokens.id, "GET",
                   "/schedules/v1/" + acme_.tenant.organization.id + "/" + std::string(26, '0'))
                .status,
            404);

  const Tokens anew = sign_in();
  EXPECT_EQ(user_info(anew), 200);
  EXPECT_EQ(
      ask_as(anew.id, "GET", "/schedules/v1/" + acme_.tenant.organization.id + "/" + fresh).status,
      200);
  const std::string organization = db_->write([&](db::Session& db) {
    return store::rotate_organization_id(db, acme_.tenant.organization.key);
  });
  authenticator_.forget();
  EXPECT_EQ(ask_as(anew.id, "GET", projects_path()).status, 403);
  EXPECT_EQ(ask_as(anew.id, "GET", "/projects/v1/" + organization).status, 403);
  EXPECT_EQ(user_info(anew), 401);
}

TEST_F(CloudSignInTest, ADeletedProjectSignsNobodyOut) {
  const Tokens tokens = sign_in();

  ASSERT_EQ(ask("DELETE", "/api/v1/projects/acme").status, 204);

  EXPECT_EQ(user_info(tokens), 200);
  EXPECT_EQ(ask_as(tokens.id, "GET",
                   "/schedules/v1/" + acme_.tenant.organization.id + "/" + acme_.tenant.project.id)
                .status,
            404);
}

TEST_F(CloudSignInTest, ARoleAndAMembershipHoldAtOnce) {
  const Tokens tokens = sign_in();
  const std::string secrets =
      "/secrets/v1/" + acme_.tenant.organization.id + "/" + acme_.tenant.project.id + "/";
  ASSERT_EQ(ask_as(tokens.id, "GET", secrets).status, 200);

  ASSERT_EQ(ask("PATCH", "/api/v1/members/ada", R"({"role":"viewer"})").status, 200);
  EXPECT_EQ(ask_as(tokens.id, "GET", secrets).status, 403);
  EXPECT_EQ(user_info(tokens), 200);

  ASSERT_EQ(ask("DELETE", "/api/v1/members/ada").status, 204);
  EXPECT_EQ(ask_as(tokens.id, "GET", projects_path()).status, 403);
  EXPECT_EQ(user_info(tokens), 401);
}

}  // namespace
}  // namespace cupola::api
