#include "supervisor/server_watch.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/temp_folder.h"
#include "base/time.h"

namespace cupola::supervisor {
namespace {

class ServerWatchTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "sign"; }

  const TempFolder folder_{"cupola-watch"};
  ServerWatch::Time now_;
};

TEST_F(ServerWatchTest, AServerIsSilentAfterSoManyLooksAtTheSameSign) {
  ServerWatch watch(file(), 3s);
  write_file(file(), "1");

  EXPECT_FALSE(watch.is_silent(now_));
  EXPECT_FALSE(watch.is_silent(now_));
  EXPECT_FALSE(watch.is_silent(now_));
  EXPECT_TRUE(watch.is_silent(now_));
}

TEST_F(ServerWatchTest, ANewSignStartsTheCountAnew) {
  ServerWatch watch(file(), 2s);
  write_file(file(), "1");
  watch.is_silent(now_);
  watch.is_silent(now_);
  write_file(file(), "2");

  EXPECT_FALSE(watch.is_silent(now_));
  EXPECT_FALSE(watch.is_silent(now_));
  EXPECT_TRUE(watch.is_silent(now_));
}

TEST_F(ServerWatchTest, APauseIsNoSilence) {
  ServerWatch watch(file(), 20s);
  write_file(file(), "1");
  watch.is_silent(now_);

  EXPECT_FALSE(watch.is_silent(now_ + 10min));
}

TEST_F(ServerWatchTest, WithoutALimitNothingIsWatched) {
  EXPECT_FALSE(ServerWatch(file(), 0s).due());
  EXPECT_FALSE(ServerWatch("", 20s).due());
  EXPECT_TRUE(ServerWatch(file(), 20s).due());
}

}  // namespace
}  // namespace cupola::supervisor
