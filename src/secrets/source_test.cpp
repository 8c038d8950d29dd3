#include "secrets/source.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/id.h"
#include "secrets/given.h"

namespace cupola::secrets {
namespace {

using ::testing::HasSubstr;

class SourceTest : public ::testing::Test {
 protected:
  SourceTest()
      : folder_(std::filesystem::path(::testing::TempDir()) / ("sources-" + random_hex(8))),
        options_{.folders = {folder_ / "allowed"},
                 .programs = {"/bin/echo", "/bin/sh", "/bin/cat"},
                 .time_limit = std::chrono::seconds{20},
                 .home = folder_} {
    make_folder(folder_ / "allowed");
  }
  ~SourceTest() override { remove_tree(folder_); }

  std::string file(const std::string& name, const std::string& content) {
    write_file(folder_ / name, content);
    return "file:" + (folder_ / name).string();
  }
  std::string fetched(const std::string& source) {
    const auto value = fetch(options_, source, {{"CUPOLA_SECRET", "NAME"}});
    return value ? std::string(value->reveal()) : "! " + value.error().message;
  }

  std::filesystem::path folder_;
  Options options_;
};

TEST_F(SourceTest, AFileBelowAnAllowedFolderIsReadWithoutTheNewlineAtItsEnd) {
  EXPECT_EQ(fetched(file("allowed/a", "one\ntwo\n")), "one\ntwo");
  std::filesystem::create_symlink("a", folder_ / "allowed" / "link");
  EXPECT_EQ(fetched("file:" + (folder_ / "allowed" / "link").string()), "one\ntwo");
}

TEST_F(SourceTest, NothingElseIsRead) {
  const std::string outside = file("outside", "hush");
  std::filesystem::create_symlink(folder_ / "outside", folder_ / "allowed" / "link");
  for (const std::string& source :
       {outside, "file:" + (folder_ / "allowed/../outside").string(),
        "file:" + (folder_ / "allowed" / "link").string(), std::string("file:outside"),
        "file:" + (folder_ / "allowed").string(), std::string("file:"),
        "file:" + (folder_ / "allowed" / "none").string(), std::string("/etc/passwd"),
        std::string("vault:x"), std::string("")}) {
    EXPECT_THAT(fetched(source), ::testing::StartsWith("! ")) << source;
  }
  EXPECT_THAT(fetched(file("allowed/empty", "\n")), HasSubstr("empty"));
  EXPECT_THAT(fetched(file("allowed/nul", std::string("a\0b", 3))), HasSubstr("NUL"));
  EXPECT_THAT(fetched(file("allowed/large", std::string(70'000, 'x'))),
              HasSubstr("cannot be read"));
  EXPECT_EQ(check_source({}, "file:/etc/passwd").error().kind, Error::Kind::forbidden);
}

TEST_F(SourceTest, AProgramIsStartedWithItsWordsAndNoShell) {
  EXPECT_EQ(fetched("exec:/bin/echo  a   $HOME;b"), "a $HOME;b");
  EXPECT_EQ(fetched(R"(exec:["/bin/sh","-c","printf '%s' \"$CUPOLA_SECRET a b\""])"), "NAME a b");
}

TEST_F(SourceTest, AProgramThatFailsSaysWhy) {
  EXPECT_EQ(fetched(R"(exec:["/bin/sh","-c","echo sealed >&2; exit 3"])"),
            "! The program '/bin/sh' ended with exit code 3: sealed");
  options_.time_limit = std::chrono::milliseconds{300};
  EXPECT_THAT(fetched(R"(exec:["/bin/sh","-c","sleep 30"])"), HasSubstr("took longer than 300 ms"));
}

TEST_F(SourceTest, OtherProgramsAreNotStarted) {
  for (const char* source :
       {"exec:/bin/ls", "exec:echo a", "exec:", "exec:[", "exec:[1]", "exec:/bin/../bin/echo a"}) {
    EXPECT_THAT(fetched(source), ::testing::StartsWith("! ")) << source;
  }
  EXPECT_THAT(fetched(R"(exec:["/bin/sh","-c","yes"])"), ::testing::StartsWith("! "));
}

TEST_F(SourceTest, ARunIsGivenEachInItsForm) {
  std::map<std::string, store::OpenedSecret> opened;
  opened["A"] = {Secret("hidden"), {}};
  opened["B"] = {Secret("seen"), {.kind = store::SecretKind::plain}};
  opened["C"] = {Secret("exec:/bin/echo fetched"), {.kind = store::SecretKind::reference}};
  opened["D"] = {Secret(file("allowed/d", "in a file")),
                 {.kind = store::SecretKind::reference, .as_file = true}};

  const auto given = give(options_, opened, {});

  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->hidden.at("A").reveal(), "hidden");
  EXPECT_EQ(given->plain.at("B"), "seen");
  EXPECT_EQ(given->hidden.at("C").reveal(), "fetched");
  EXPECT_EQ(given->files.at("D").reveal(), "in a file");
  opened["E"] = {Secret("exec:/bin/ls"), {.kind = store::SecretKind::reference}};
  EXPECT_THAT(give(options_, opened, {}).error().message, HasSubstr("The secret E cannot be had"));
}

}  // namespace
}  // namespace cupola::secrets
