#include "simulation/simulate.h"

#include <gtest/gtest.h>

namespace cupola::simulation {
namespace {

TEST(SimulateTest, ASeedIsTheSameWorldEachTime) {
  for (const std::uint64_t seed : {3u, 14u}) {
    const Outcome once = simulate(seed);
    const Outcome again = simulate(seed);

    EXPECT_EQ(once.hash, again.hash) << seed;
    EXPECT_EQ(once.steps, again.steps);
    EXPECT_EQ(once.last_notes, again.last_notes);
    EXPECT_GT(once.steps, 100u);
  }
  EXPECT_NE(simulate(3).hash, simulate(14).hash);
}

}  // namespace
}  // namespace cupola::simulation
