#include "cli/login.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/temp_folder.h"

namespace cupola::cli {
namespace {

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() {
    setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1);
    unsetenv("CUPOLA_URL");
    unsetenv("CUPOLA_TOKEN");
  }
  ~LoginTest() override {
    unsetenv("CUPOLA_URL");
    unsetenv("CUPOLA_TOKEN");
  }

  const TempFolder folder_{"cupola-login"};
};

TEST_F(LoginTest, WithoutAnythingItIsTheDefaultServerAndNobody) {
  const auto login = find_login("");

  ASSERT_TRUE(login);
  EXPECT_EQ(login->url, default_url);
  EXPECT_TRUE(login->token.empty());
}

TEST_F(LoginTest, WhatIsKeptIsReadableByTheUserAlone) {
  keep_login({"https://cupola.example/", Secret{"cup_x"}});

  struct stat status {};
  ASSERT_EQ(stat(login_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  EXPECT_EQ(find_login("")->url, "https://cupola.example");
  EXPECT_EQ(find_login("")->token.reveal(), "cup_x");
  EXPECT_TRUE(forget_login());
  EXPECT_FALSE(forget_login());
}

TEST_F(LoginTest, TheTokenGoesToNoOtherServerThanItsOwn) {
  keep_login({"https://cupola.example", Secret{"cup_x"}});

  EXPECT_TRUE(find_login("https://other.example")->token.empty());
  setenv("CUPOLA_URL", "https://other.example", 1);
  EXPECT_TRUE(find_login("")->token.empty());
}

TEST_F(LoginTest, TheFlagComesBeforeTheVariableAndThatBeforeTheFile) {
  keep_login({"https://kept.example", Secret{"cup_kept"}});
  setenv("CUPOLA_URL", "https://variable.example/", 1);
  setenv("CUPOLA_TOKEN", "cup_variable", 1);

  EXPECT_EQ(find_login("")->url, "https://variable.example");
  EXPECT_EQ(find_login("")->token.reveal(), "cup_variable");
  EXPECT_EQ(find_login("https://flag.example")->url, "https://flag.example");
}

TEST_F(LoginTest, RefusesWhatIsNoAddressAndAFileThatIsNotItsOwn) {
  EXPECT_FALSE(find_login("cupola.example"));
  make_folder(login_file().parent_path());
  write_file(login_file(), "not json");

  EXPECT_FALSE(find_login(""));
}

}  // namespace
}  // namespace cupola::cli
