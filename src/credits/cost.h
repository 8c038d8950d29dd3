#pragma once

/// What a run costs. Pure.
///
/// | part     | frequent schedule | any other run |
/// | base     | 0.5 credits       | 1 credit      |
/// | run time | 0.1 credits for each started minute after the first 5 | after the first 10 |
/// | egress   | 0.01 credits for each started 10 MB (10^7 bytes) after the included 15 MB for each
/// |          | credit of base and run time                                                      |
///
/// A schedule is frequent when it has 24 or more fires a day, in the mean of the 365 days after the
/// run's start: each hour is frequent. Which runs are of a schedule, and which attempts count, is
/// told in docs/design/credits.md.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "credits/amount.h"

namespace cupola::credits {

/// One try of a run.
struct Attempt {
  bool lost = false;
  /// How long its program lived; none where it never started.
  std::optional<std::chrono::milliseconds> run_time;
  std::optional<std::int64_t> egress_bytes;  ///< sent; none where it was not counted
};

/// What is charged of a run: of all attempts that count together.
struct Use {
  std::chrono::milliseconds run_time{0};
  std::optional<std::int64_t> egress_bytes;  ///< none where none was counted
};

/// Adds up the attempts of a run, oldest first. One that never started, or was lost, does not
/// count, and neither does the one that repeats it. Empty when none counts: then it costs nothing.
std::optional<Use> use_of(std::span<const Attempt> attempts);

struct Cost {
  Amount base;
  Amount run_time;
  std::optional<Amount> egress;  ///< none where it was not counted
  Amount total() const { return base + run_time + egress.value_or(Amount{}); }
};

Cost cost_of(const Use& use, bool is_frequent);

bool is_frequent(double fires_a_day);

}  // namespace cupola::credits
