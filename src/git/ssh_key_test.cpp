#include "git/ssh_key.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/id.h"
#include "process/program.h"

namespace cupola::git {
namespace {

class SshKeyTest : public ::testing::Test {
 protected:
  SshKeyTest() { make_folder(folder_); }
  ~SshKeyTest() override { remove_tree(folder_); }

  /// What ssh-keygen writes for these words; with `.pub`, the public half.
  Secret made(std::vector<std::string> words, const std::string& ending = "") {
    const auto path = folder_ / random_hex(8);
    words.insert(words.begin(), {"ssh-keygen", "-q", "-f", path.string()});
    const auto done = process::run({.argv = words, .env = {{"PATH", "/usr/bin:/bin"}}});
    EXPECT_TRUE(done && done->exit.ok());
    return Secret(*read_file(path.string() + ending, 1 << 16));
  }

 private:
  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("ssh-key-" + random_hex(8));
};

TEST_F(SshKeyTest, WhatSshKeygenWritesIsToldApart) {
  for (const std::string kind : {"ed25519", "ecdsa"}) {
    EXPECT_EQ(fault_of(made({"-t", kind, "-N", ""})), KeyFault::none) << kind;
    EXPECT_EQ(fault_of(made({"-t", kind, "-N", "hunter2"})), KeyFault::passphrase) << kind;
    EXPECT_EQ(fault_of(made({"-t", kind, "-N", ""}, ".pub")), KeyFault::public_half) << kind;
  }
  for (const std::string form : {"PEM", "PKCS8"}) {
    EXPECT_EQ(fault_of(made({"-t", "rsa", "-b", "1024", "-m", form, "-N", ""})), KeyFault::none)
        << form;
    EXPECT_EQ(fault_of(made({"-t", "rsa", "-b", "1024", "-m", form, "-N", "hunter2"})),
              KeyFault::passphrase)
        << form;
  }
}

TEST_F(SshKeyTest, LineEndsOfOtherSystemsAreNoFaultAndLostOnesAre) {
  std::string windows;
  std::string lost;
  const Secret key = made({"-t", "ed25519", "-N", ""});
  for (const char c : key.reveal()) {
    windows += c == '\n' ? "\r\n" : std::string(1, c);
    lost += c == '\n' ? "\\n" : std::string(1, c);
  }

  EXPECT_EQ(fault_of(Secret(windows)), KeyFault::none);
  EXPECT_EQ(fault_of(Secret(lost)), KeyFault::no_key);
  EXPECT_EQ(fault_of(Secret("open sesame")), KeyFault::no_key);
  EXPECT_EQ(fault_of(Secret("")), KeyFault::no_key);
}

}  // namespace
}  // namespace cupola::git
