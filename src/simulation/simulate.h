#pragma once

/// The scheduler, the queue, leases and the runner's control in a world where everything that can
/// fail does, told by one seed.

#include <cstdint>
#include <string>
#include <vector>

namespace cupola::simulation {

struct Outcome {
  std::uint64_t seed = 0;
  std::string broken;  ///< the promise that did not hold; empty when all did
  std::uint64_t steps = 0;
  std::uint64_t hash = 0;  ///< of all that happened: the same each time for a seed
  int runs = 0;
  int fires = 0;
  std::vector<std::string> last_notes;  ///< what happened last, oldest first
};

/// Lives through the world of a seed: some simulated minutes (seldom a month) of a few servers on
/// one database, then a time without faults in which all must come to its end. One at a time in a
/// process. Keeps so many of the last notes.
Outcome simulate(std::uint64_t seed, std::size_t notes = 50);

}  // namespace cupola::simulation
