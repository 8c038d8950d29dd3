#pragma once

/// Processes that lost their parent come to the supervisor (PR_SET_CHILD_SUBREAPER), so that none
/// escapes it and what they used is counted. Inner to `supervisor`.

#include <chrono>
#include <cstdint>

namespace cupola::supervisor {

void adopt_orphans();

/// Reaps those that ended, but not the child `besides`.
void reap_orphans(int besides);

/// Kills and reaps all children, and those that come when their parents go, until none is left or
/// `longest` is over (a process in the midst of disk access cannot be killed). False when one is
/// left.
bool end_descendants(std::chrono::milliseconds longest);

/// Of all that was reaped: CPU time, and the memory of the largest single process in bytes.
struct ResourcesUsed {
  std::chrono::milliseconds cpu_time{0};
  std::int64_t peak_memory = 0;
};
ResourcesUsed used_by_descendants();

}  // namespace cupola::supervisor
