#include "git/complaint.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cupola::git {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* words;
  Complaint complaint;
};

// As git 2.39, curl and the hosts word them.
const Case cases[] = {
    {"fatal: unable to access 'https://no.invalid/x/': Could not resolve host: no.invalid",
     Complaint::network},
    {"ssh: Could not resolve hostname no.invalid: Name or service not known\nfatal: Could not read "
     "from remote repository.",
     Complaint::network},
    {"fatal: unable to access 'https://h/x/': Failed to connect to h port 443 after 3 ms: Couldn't "
     "connect to server",
     Complaint::network},
    {"ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote "
     "repository.",
     Complaint::network},
    {"fatal: unable to access 'https://h/x/': The requested URL returned error: 503",
     Complaint::network},
    {"remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found",
     Complaint::missing_repository},
    {"fatal: '/srv/none' does not appear to be a git repository\nfatal: Could not read from remote "
     "repository.\n\nPlease make sure you have the correct access rights\nand the repository "
     "exists.",
     Complaint::missing_repository},
    {"ERROR: Repository not found.\nfatal: Could not read from remote repository.",
     Complaint::missing_repository},
    {"fatal: could not read Username for 'https://github.com': terminal prompts disabled",
     Complaint::no_rights},
    {"fatal: Authentication failed for 'https://example.com/a.git/'", Complaint::no_rights},
    {"git@github.com: Permission denied (publickey).\nfatal: Could not read from remote "
     "repository.",
     Complaint::no_rights},
    {"fatal: unable to access 'https://h/x/': The requested URL returned error: 403",
     Complaint::no_rights},
    {"Host key verification failed.\nfatal: Could not read from remote repository.",
     Complaint::host_key},
    {"fatal: unable to access 'https://h/x/': SSL certificate problem: self-signed certificate",
     Complaint::certificate},
    {"fatal: unable to access 'https://h/x/': The requested URL returned error: 301",
     Complaint::redirect},
    {"fatal: couldn't find remote ref refs/heads/none", Complaint::missing_revision},
    {"fatal: remote error: upload-pack: not our ref 0000000000000000000000000000000000000001",
     Complaint::missing_revision},
    {"fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output",
     Complaint::disk_full},
    {"error: index-pack died of signal 25\nfatal: fetch-pack: unable to spawn",
     Complaint::too_large},
    {"fatal: something new", Complaint::other},
};

TEST(ComplaintTest, TellsCausesApart) {
  for (const Case& one : cases) EXPECT_EQ(classify(one.words), one.complaint) << one.words;
}

TEST(ComplaintTest, EachCauseHasAMessageOfItsOwnAndARemedy) {
  std::set<std::string> messages;
  std::set<std::string> hints;
  for (const Complaint complaint :
       {Complaint::missing_repository, Complaint::no_rights, Complaint::network,
        Complaint::certificate, Complaint::redirect, Complaint::host_key}) {
    const Error error = to_error(complaint, "https://example.com/a.git", "", {});
    EXPECT_TRUE(messages.insert(error.message).second) << error.message;
    EXPECT_TRUE(hints.insert(error.hint).second) << error.hint;
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST(ComplaintTest, OverSshTheKeyIsWhatIsWrong) {
  const char* words =
      "git@h: Permission denied (publickey).\nfatal: Could not read from remote "
      "repository.";
  const auto told = [&](const Access& access) {
    return to_error(Complaint::no_rights, "ssh://git@h/a", words, access);
  };
  const std::string intact =
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n";

  const Error none = told({});
  const Error locked = told({.ssh_key = Secret("Proc-Type: 4,ENCRYPTED\n")});
  const Error public_half = told({.ssh_key = Secret("ssh-ed25519 AAAA ada")});
  const Error nonsense = told({.ssh_key = Secret("sesame")});
  const Error other = told({.ssh_key = Secret(intact)});

  EXPECT_THAT(none.message, HasSubstr("no key of its own"));
  EXPECT_THAT(locked.message, HasSubstr("has a passphrase"));
  EXPECT_THAT(locked.hint, HasSubstr("ssh-keygen -p"));
  EXPECT_THAT(public_half.message, HasSubstr("public key"));
  EXPECT_THAT(nonsense.message, HasSubstr("no private key"));
  EXPECT_THAT(other.message, HasSubstr("does not accept the key"));
  for (const Error& error : {none, locked, public_half, nonsense, other}) {
    EXPECT_THAT(error.message, HasSubstr("'ssh://***@h/a'"));
    EXPECT_THAT(error.message + error.hint, HasSubstr("GIT_SSH_PRIVATE_KEY"));
    EXPECT_THAT(error.message, HasSubstr("Permission denied (publickey)"));
  }
}

TEST(ComplaintTest, AnotherKeyOfAHostIsToldWithItsFingerprintAndTheCommandThatForgetsTheOldOne) {
  const char* words =
      "@@@@@@@@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
      "The fingerprint for the ED25519 key sent by the remote host is\nSHA256:goqnr2.\n"
      "Offending ED25519 key in /home/c/ssh/known_hosts:1\n  remove with:\n"
      "  ssh-keygen -f \"/home/c/ssh/known_hosts\" -R \"[127.0.0.1]:60241\"\n"
      "Host key verification failed.\nfatal: Could not read from remote repository.";

  const Error error = to_error(classify(words), "ssh://git@h/a", words, {});

  EXPECT_THAT(error.message, HasSubstr("another key (SHA256:goqnr2) than"));
  EXPECT_THAT(error.message, HasSubstr("Host key verification failed."));
  EXPECT_THAT(error.hint, HasSubstr("-R \"[127.0.0.1]:60241\"`"));
}

TEST(ComplaintTest, SaysTheLineThatTellsMost) {
  EXPECT_EQ(main_line(cases[6].words), "'/srv/none' does not appear to be a git repository");
  EXPECT_EQ(main_line("remote: Repository not found.\nfatal: repository 'https://u:pw@h/b/' not "
                      "found"),
            "Repository not found.");
  EXPECT_EQ(main_line("fatal: Authentication failed for 'https://me:hunter2@h/a.git/'"),
            "Authentication failed for 'https://***@h/a.git/'");
}

}  // namespace
}  // namespace cupola::git
