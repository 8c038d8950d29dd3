#include "credits/cost.h"

namespace cupola::credits {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr double frequent_from = 24;

constexpr Amount base_otherwise{100};
constexpr Amount base_frequent{50};
constexpr minutes included_otherwise{10};
constexpr minutes included_frequent{5};
constexpr std::int64_t hundredths_a_minute = 10;

constexpr std::int64_t included_bytes_a_hundredth = 15'000'000 / 100;
constexpr std::int64_t bytes_a_hundredth = 10'000'000;

/// How many pieces of that size were begun.
constexpr std::int64_t started(std::int64_t amount, std::int64_t piece) {
  return amount <= 0 ? 0 : (amount - 1) / piece + 1;
}

}  // namespace

std::optional<Use> use_of(std::span<const Attempt> attempts) {
  std::optional<Use> use;
  bool repeats = false;
  for (const Attempt& attempt : attempts) {
    const bool came_to_nothing = attempt.lost || !attempt.run_time;
    if (!came_to_nothing && !repeats) {
      if (!use) use.emplace();
      use->run_time += *attempt.run_time;
      if (attempt.egress_bytes)
        use->egress_bytes = use->egress_bytes.value_or(0) + *attempt.egress_bytes;
    }
    repeats = came_to_nothing;
  }
  return use;
}

Cost cost_of(const Use& use, bool is_frequent) {
  Cost cost{.base = is_frequent ? base_frequent : base_otherwise};
  const milliseconds extra = use.run_time - (is_frequent ? included_frequent : included_otherwise);
  cost.run_time.hundredths =
      hundredths_a_minute * started(extra.count(), milliseconds(minutes(1)).count());
  if (use.egress_bytes) {
    const std::int64_t included =
        included_bytes_a_hundredth * (cost.base + cost.run_time).hundredths;
    cost.egress = Amount{started(*use.egress_bytes - included, bytes_a_hundredth)};
  }
  return cost;
}

bool is_frequent(double fires_a_day) {
  return fires_a_day >= frequent_from;
}

}  // namespace cupola::credits
