#pragma once

/// What a run has written, looked at while it goes. Inner to `supervisor`.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "supervisor/spec.h"

namespace cupola::supervisor {

/// Counts the run's layer over the checkout and its own writable folders whole, of folders that
/// outlive runs what they grew since the first look, and its /tmp and /dev/shm, which lie in
/// memory.
class DiskWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit DiskWatch(const RunSpec& spec);

  /// When to look next; never without a limit.
  std::optional<Time> due() const { return due_; }
  /// Looks, with the pid of a process of the run where one is known. A look at many files takes
  /// its time; so the next one is the later.
  void look(std::optional<int> program);
  std::int64_t used() const { return used_; }
  bool is_over() const { return limit_ > 0 && used_ > limit_; }

 private:
  std::int64_t limit_;
  std::vector<std::filesystem::path> own_, lasting_;
  std::optional<std::int64_t> lasting_before_;
  std::int64_t used_ = 0;
  std::optional<Time> due_;
};

}  // namespace cupola::supervisor
