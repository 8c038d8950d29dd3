#include "runner/capture.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_folder.h"

namespace cupola::runner {
namespace {

namespace fs = std::filesystem;

class CaptureTest : public testing::Test {
 protected:
  std::vector<store::CapturedState> read() { return read_states(folder_, trouble_); }

  const TempFolder temp_{"cupola-capture"};
  const fs::path& folder_ = temp_.path();
  std::vector<std::string> trouble_;
};

TEST_F(CaptureTest, WhatWasSeededIsReadBackAlsoWithSlashesInTheId) {
  seed_states(folder_, {{"prod:tap-to-target", R"({"completed": {}})"},
                        {"a/b:c d", R"({"completed": {"x": 1}})"}});

  const auto states = read();

  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].state_id, "a/b:c d");
  EXPECT_EQ(states[0].payload, R"({"completed": {"x": 1}})");
  EXPECT_EQ(states[1].state_id, "prod:tap-to-target");
  EXPECT_TRUE(trouble_.empty());
}

TEST_F(CaptureTest, AnIdThatLeadsElsewhereIsNotSeeded) {
  for (const char* id : {"../x", "a/../../x", "/etc", "", "a//b", "."}) {
    EXPECT_THROW(seed_states(folder_ / "states", {{id, "{}"}}), Failure) << id;
  }
}

TEST_F(CaptureTest, ATornFileIsPassedOverAndTold) {
  make_folder(folder_ / "torn");
  std::ofstream(folder_ / "torn" / "state.json") << R"({"completed": {"singer_st)";

  EXPECT_TRUE(read().empty());
  EXPECT_EQ(trouble_.size(), 1u);
}

TEST_F(CaptureTest, LinksAreNotFollowedAndPipesDoNotHang) {
  write_file(folder_ / "outside.json", R"({"secret": true})");
  make_folder(folder_ / "states" / "linked");
  make_folder(folder_ / "states" / "piped");
  make_folder(folder_ / "elsewhere");
  write_file(folder_ / "elsewhere" / "state.json", R"({"secret": true})");
  fs::create_symlink(folder_ / "outside.json", folder_ / "states" / "linked" / "state.json");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "states" / "linked-folder");
  ASSERT_EQ(::system(("mkfifo " + (folder_ / "states" / "piped" / "state.json").string()).c_str()),
            0);

  EXPECT_TRUE(read_states(folder_ / "states", trouble_).empty());
}

TEST_F(CaptureTest, StatesThatAreTooLargeTogetherAreNotAllRead) {
  const std::string padding(30u << 20, ' ');
  seed_states(folder_,
              {{"a", "{" + padding + "}"}, {"b", "{" + padding + "}"}, {"c", "{" + padding + "}"}});

  EXPECT_EQ(read().size(), 2u);
  EXPECT_EQ(trouble_.size(), 1u);
}

}  // namespace
}  // namespace cupola::runner
