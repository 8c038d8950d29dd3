#include "base/files.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/temp_folder.h"

namespace cupola {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  const TempFolder temp_{"cupola-files"};
  const fs::path& folder_ = temp_.path();
};

TEST_F(FilesTest, WhatIsWrittenIsReadBackAndTheModeIsTheOneAskedFor) {
  write_file(folder_ / "key", "first", 0600);
  write_file(folder_ / "key", "second", 0600);

  EXPECT_EQ(read_file(folder_ / "key", 100).value(), "second");
  EXPECT_EQ(fs::status(folder_ / "key").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "nothing temporary stays";
}

TEST_F(FilesTest, WhatCannotBeWrittenIsAFailureThatNamesThePath) {
  try {
    write_file(folder_ / "missing" / "key", "x");
    FAIL() << "it was written";
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find((folder_ / "missing").string()), std::string::npos);
  }
}

TEST_F(FilesTest, AFolderIsMadeWithThoseAboveItAndMayBeThere) {
  make_folder(folder_ / "a" / "b", 0700);
  make_folder(folder_ / "a" / "b", 0700);

  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
  EXPECT_EQ(fs::status(folder_ / "a").permissions(), fs::perms::owner_all);
}

TEST_F(FilesTest, AFolderThatCannotBeMadeIsNamedWithTheReasonAndTheRemedy) {
  write_file(folder_ / "file", "");

  try {
    make_folder(folder_ / "file" / "a");
    FAIL() << "it was made";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.what(), "Cannot make the folder " + (folder_ / "file" / "a").string() +
                                  ": Not a directory. Make the one above it writable for this "
                                  "user, or choose another.");
  }
}

TEST_F(FilesTest, AFileOverTheLimitIsTooLarge) {
  write_file(folder_ / "big", std::string(1000, 'x'));

  EXPECT_EQ(read_file(folder_ / "big", 999).error().kind, Error::Kind::too_large);
  EXPECT_TRUE(read_file(folder_ / "big", 1000));
}

TEST_F(FilesTest, NoPathLeadsOutOfTheFolderItIsOpenedBeneath) {
  write_file(folder_ / "secret", "x");
  make_folder(folder_ / "open" / "sub");
  write_file(folder_ / "open" / "sub" / "file", "inside");
  fs::create_symlink(folder_ / "secret", folder_ / "open" / "link");
  fs::create_directory_symlink(folder_, folder_ / "open" / "up");
  fs::create_symlink("sub/file", folder_ / "open" / "inner-link");

  EXPECT_EQ(read_file_beneath(folder_ / "open", "sub/file", 100).value(), "inside");
  for (const char* path :
       {"../secret", "link", "up/secret", "inner-link", "/etc/passwd", "sub/../../secret"}) {
    EXPECT_FALSE(open_beneath(folder_ / "open", path)) << path;
  }
  EXPECT_EQ(open_beneath(folder_ / "open", "nothing").error().kind, Error::Kind::not_found);
}

TEST_F(FilesTest, PipesAndFoldersAreNoFiles) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);

  EXPECT_EQ(read_file(folder_ / "pipe", 100).error().kind, Error::Kind::invalid);
  EXPECT_EQ(read_file(folder_, 100).error().kind, Error::Kind::invalid);
}

TEST_F(FilesTest, ATreeIsRemovedWithoutGoingThroughItsLinks) {
  write_file(folder_ / "kept", "x");
  make_folder(folder_ / "tree" / "sub");
  fs::create_symlink(folder_ / "kept", folder_ / "tree" / "sub" / "link");
  fs::create_directory_symlink(folder_, folder_ / "tree" / "up");
  fs::permissions(folder_ / "tree" / "sub", fs::perms::owner_read | fs::perms::owner_exec);

  EXPECT_TRUE(remove_tree(folder_ / "tree"));

  EXPECT_FALSE(fs::exists(folder_ / "tree"));
  EXPECT_TRUE(fs::exists(folder_ / "kept"));
  EXPECT_TRUE(remove_tree(folder_ / "tree")) << "what is not there is no fault";
}

}  // namespace
}  // namespace cupola
