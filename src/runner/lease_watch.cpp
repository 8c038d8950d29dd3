#include "runner/lease_watch.h"

#include <algorithm>

namespace cupola::runner {

int looks_for(std::chrono::milliseconds lease) {
  // Two more than five sixths: the last beat may be a look old when its server stops, and the
  // supervisor needs a moment to end what it holds.
  return static_cast<int>(std::max<std::int64_t>(lease * 5 / 6 / tick, 3)) + 2;
}

std::chrono::milliseconds longest_silence_for(std::chrono::milliseconds lease) {
  return std::max<std::chrono::milliseconds>(lease * 2 / 3, 2 * tick);
}

std::vector<store::HeldRun> LeaseWatch::look(const std::vector<store::HeldRun>& runs) {
  std::map<RunId, Seen> now;
  std::vector<store::HeldRun> gone;
  for (const store::HeldRun& run : runs) {
    Seen seen{.token = run.lease.token, .beat = run.beat};
    const auto before = seen_.find(run.lease.run);
    if (before != seen_.end() && before->second.token == seen.token &&
        before->second.beat == seen.beat) {
      seen.unchanged = before->second.unchanged + 1;
    }
    if (seen.unchanged >= looks_) gone.push_back(run);
    now.emplace(run.lease.run, seen);
  }
  seen_ = std::move(now);
  return gone;
}

}  // namespace cupola::runner
