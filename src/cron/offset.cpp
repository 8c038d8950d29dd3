#include "cron/offset.h"

#include <algorithm>

#include <fmt/format.h>

#include "cron/fires.h"

namespace cupola::cron {
namespace {

constexpr int fires_looked_at = 2000;
constexpr std::chrono::days days_looked_at{367};

}  // namespace

std::chrono::minutes shortest_gap(const Expression& expression) {
  const Timing timing{.expression = expression};
  const Instant begin = std::chrono::sys_days{std::chrono::year{2024} / 1 / 1} - 1ms;
  std::chrono::milliseconds shortest = 24h;
  auto fire = next_fire(timing, begin);
  for (int i = 0; fire && i < fires_looked_at && shortest > 1min; ++i) {
    const auto next = next_fire(timing, fire->due);
    if (!next || next->due > begin + days_looked_at) break;
    shortest = std::min(shortest, next->due - fire->due);
    fire = next;
  }
  return std::chrono::floor<std::chrono::minutes>(shortest);
}

Result<void> check_offset(const Expression& expression, std::chrono::minutes offset) {
  const std::chrono::minutes gap = shortest_gap(expression);
  if (std::chrono::abs(offset) < gap) return {};
  return Error{Error::Kind::invalid,
               fmt::format("An offset of {} min is not shorter than the interval {}, which fires "
                           "{} min apart.",
                           offset.count(), expression.text(), gap.count()),
               fmt::format("Give whole minutes from {} to {}, or random.", -(gap.count() - 1),
                           gap.count() - 1)};
}

}  // namespace cupola::cron
