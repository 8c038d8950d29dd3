#include "git/address.h"

#include <gtest/gtest.h>

namespace cupola::git {
namespace {

TEST(AddressTest, TakesTheUsualForms) {
  for (const char* url :
       {"https://github.com/acme/data.git", "https://git.example.com:8443/acme/data",
        "https://robot@example.com/acme/data.git", "ssh://git@example.com:2222/acme/data.git",
        "git@github.com:acme/data.git", "example.com:data.git", "https://[2001:db8::7]/data.git",
        "https://10.0.0.5/data.git"}) {
    const auto checked = check_url(url, false);
    ASSERT_TRUE(checked) << url << ": " << to_text(checked.error());
    EXPECT_EQ(*checked, url);
  }
  EXPECT_EQ(check_url("  https://example.com/a.git\n", false).value(), "https://example.com/a.git");
}

TEST(AddressTest, RefusesWhatGitWouldReadAsACommand) {
  for (const char* url : {"ext::sh -c whoami",
                          "ext::sh",
                          "-oProxyCommand=whoami",
                          "--upload-pack=whoami",
                          "ssh://-oProxyCommand=whoami/x",
                          "ssh://-x@host/path",
                          "-x@host:path",
                          "host:-path",
                          "fd::17",
                          "https://exam ple.com/x",
                          "https://example.com/x\ny",
                          "git://example.com/x",
                          "http://example.com/x",
                          "ftp://example.com/x",
                          "https://example.com",
                          "https:///x",
                          "ssh://host:port/x",
                          "data",
                          "../data",
                          "",
                          "https://example.com/\x01"}) {
    const auto checked = check_url(url, true);
    ASSERT_FALSE(checked) << url;
    EXPECT_EQ(checked.error().kind, Error::Kind::invalid);
    EXPECT_FALSE(checked.error().hint.empty()) << url;
  }
}

TEST(AddressTest, RefusesThisMachineInEverySpelling) {
  for (const char* host :
       {"localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1",
        "0177.0.0.1", "0.0.0.0", "169.254.169.254", "0xa9fea9fe", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[nonsense]"}) {
    const std::string url = std::string("https://") + host + "/a.git";
    EXPECT_FALSE(check_url(url, false)) << url;
    EXPECT_FALSE(check_url(std::string("git@") + host + ":a.git", false)) << host;
  }
  EXPECT_TRUE(check_url("https://localhost/a.git", true));
}

TEST(AddressTest, TakesFoldersOnlyWhenTheOperatorAllowsThem) {
  for (const char* url : {"/srv/data", "file:///srv/data"}) {
    EXPECT_TRUE(check_url(url, true)) << url;
    EXPECT_FALSE(check_url(url, false)) << url;
  }
  EXPECT_FALSE(check_url("file://host/share", true));
}

TEST(AddressTest, RefusesAPasswordWithoutShowingIt) {
  const auto checked = check_url("https://me:hunter2@example.com/a.git", false);

  ASSERT_FALSE(checked);
  EXPECT_EQ(to_text(checked.error()).find("hunter2"), std::string::npos);
  EXPECT_NE(checked.error().hint.find("GIT_TOKEN"), std::string::npos);
}

TEST(AddressTest, TakesNamesOfBranchesTagsAndCommits) {
  for (const char* revision : {"main", "release/2026-11", "v1.0.0", "feature_x", "a@b", "#7",
                               "0123456789abcdef0123456789abcdef01234567", "caf\xc3\xa9"}) {
    EXPECT_TRUE(check_revision(revision)) << revision;
  }
}

TEST(AddressTest, RefusesRevisionsThatAreMore) {
  for (const char* revision : {"--upload-pack=x",
                               "-c",
                               "a b",
                               "a\nb",
                               "a..b",
                               "main@{1}",
                               "@",
                               "HEAD~1",
                               "HEAD^",
                               "a:b",
                               "a?",
                               "a*",
                               "a[",
                               "a\\b",
                               "refs/heads/main",
                               "/a",
                               "a/",
                               "a//b",
                               ".a",
                               "a/.b",
                               "a.lock",
                               "a.",
                               "",
                               "a\x7f"}) {
    const auto checked = check_revision(revision);
    EXPECT_FALSE(checked) << revision;
  }
  EXPECT_FALSE(check_revision(std::string(256, 'a')));
  EXPECT_FALSE(check_revision(std::string_view("a\0b", 3)));
}

TEST(AddressTest, HidesCredentialsInAnyText) {
  EXPECT_EQ(without_credentials("see https://me:pw@host/a and ssh://x@b/c, not a@b"),
            "see https://***@host/a and ssh://***@b/c, not a@b");
  EXPECT_EQ(without_credentials("https://a:p@ss@host/x"), "https://***@host/x");
}

TEST(AddressTest, SshIsSpokenWhereItSaysSoAndWhereNoProtocolIs) {
  for (const char* url : {"ssh://git@h/a", "git@h:a", "h:a"}) EXPECT_TRUE(is_ssh(url)) << url;
  for (const char* url : {"https://h/a", "/a", "file:///a"}) EXPECT_FALSE(is_ssh(url)) << url;
}

}  // namespace
}  // namespace cupola::git
