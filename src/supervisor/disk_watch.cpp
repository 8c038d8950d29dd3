#include "supervisor/disk_watch.h"

#include <algorithm>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "process/disk_use.h"

namespace cupola::supervisor {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds shortest_pause{1000};
/// A look takes at most a twentieth of a core.
constexpr int pause_for_each_look = 20;
constexpr long tmpfs_magic = 0x01021994;

/// What lies in a file system in memory that is the program's own. One that is not isolated has the
/// machine's, with what everybody else keeps there.
std::int64_t used_in_memory(int program, const char* folder) {
  const std::string seen = fmt::format("/proc/{}/root{}", program, folder);
  struct ::stat its {};
  struct ::stat ours {};
  if (::stat(seen.c_str(), &its) != 0) return 0;
  if (::stat(folder, &ours) == 0 && its.st_dev == ours.st_dev) return 0;
  struct ::statfs status {};
  if (::statfs(seen.c_str(), &status) != 0) return 0;
  if (status.f_type != tmpfs_magic) return 0;
  return static_cast<std::int64_t>(status.f_blocks - status.f_bfree) * status.f_bsize;
}

std::int64_t sum_of(const std::vector<std::filesystem::path>& folders) {
  std::int64_t sum = 0;
  for (const auto& folder : folders) sum += process::disk_use(folder);
  return sum;
}

}  // namespace

DiskWatch::DiskWatch(const RunSpec& spec) : limit_(spec.disk_limit) {
  if (limit_ <= 0) return;
  due_ = Clock::now() + shortest_pause;
  if (spec.sandbox.overlay) own_.push_back(spec.sandbox.overlay->upper);
  for (const auto& bind : spec.sandbox.binds) {
    if (bind.writable) (bind.as_own ? lasting_ : own_).push_back(bind.from);
  }
}

void DiskWatch::look(std::optional<int> program) {
  const auto begin = Clock::now();
  const std::int64_t lasting = sum_of(lasting_);
  if (!lasting_before_) lasting_before_ = lasting;
  used_ = sum_of(own_) + std::max<std::int64_t>(0, lasting - *lasting_before_);
  if (program && *program > 0) {
    used_ += used_in_memory(*program, "/tmp") + used_in_memory(*program, "/dev/shm");
  }
  const auto end = Clock::now();
  due_ = end + std::max<Clock::duration>(shortest_pause, (end - begin) * pause_for_each_look);
}

}  // namespace cupola::supervisor
