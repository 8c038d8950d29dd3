#include "supervisor/result_file.h"

#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_folder.h"

namespace {

int syncs_to_fail = 0;
std::vector<ino_t> synced;

}  // namespace

/// In place of libc's, in this program. One that fails loses what was written, as Linux does: the
/// pages count as clean afterwards.
extern "C" int fsync(int fd) {
  struct ::stat status {};
  ::fstat(fd, &status);
  if (S_ISREG(status.st_mode) && syncs_to_fail > 0) {
    --syncs_to_fail;
    EXPECT_EQ(::ftruncate(fd, 0), 0);
    errno = EIO;
    return -1;
  }
  if (S_ISREG(status.st_mode)) synced.push_back(status.st_ino);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace cupola::supervisor {
namespace {

class ResultFileTest : public ::testing::Test {
 protected:
  ResultFileTest() { synced.clear(); }

  ino_t inode_of(const std::filesystem::path& path) const {
    struct ::stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_ino;
  }

  const TempFolder temp{"cupola-result"};
  const std::filesystem::path& folder = temp.path();
};

TEST_F(ResultFileTest, Case07AResultWhoseSyncFailedIsWrittenAgainToAnotherFile) {
  const ReservedFile file(folder / "result.json");
  const ino_t first = inode_of(folder / "result.json.reserved");
  syncs_to_fail = 1;

  file.commit("the outcome");

  EXPECT_EQ(*read_file(folder / "result.json", 100), "the outcome");
  const ino_t told = inode_of(folder / "result.json");
  EXPECT_EQ(synced, std::vector<ino_t>{told}) << "a success was told of what no sync reached";
  EXPECT_NE(told, first) << "the blocks that the disk refused are written once more";
}

TEST_F(ResultFileTest, AResultLiesInTheSpaceThatWasTakenForIt) {
  const ReservedFile file(folder / "result.json");
  const ino_t reserved = inode_of(folder / "result.json.reserved");

  file.commit("the outcome");

  EXPECT_EQ(inode_of(folder / "result.json"), reserved);
}

}  // namespace
}  // namespace cupola::supervisor
