#pragma once

/// Tells which servers are gone by looking, not by a clock.

#include <map>
#include <vector>

#include "store/leases.h"

namespace cupola::runner {

/// How often a loop looks, and at a run it holds.
inline constexpr std::chrono::milliseconds tick = 1s;

/// For leases of this length: after so many looks without a beat a run is lost, and after so long
/// without a sign of its server a supervisor has ended its run, which is before that.
int looks_for(std::chrono::milliseconds lease);
std::chrono::milliseconds longest_silence_for(std::chrono::milliseconds lease);

/// Counts in how many looks on end each run was seen under the same beat. A pause of this server, a
/// database that is gone and a clock that was set are no looks, so they count for nothing.
class LeaseWatch {
 public:
  explicit LeaseWatch(int looks) : looks_(looks) {}

  /// One look, made in a transaction that wrote (so that others could have): gives those that were
  /// the same in the last `looks` of them.
  std::vector<store::HeldRun> look(const std::vector<store::HeldRun>& runs);

 private:
  struct Seen {
    std::int64_t token = 0;
    std::int64_t beat = 0;
    int unchanged = 0;
  };
  int looks_;
  std::map<RunId, Seen> seen_;
};

}  // namespace cupola::runner
