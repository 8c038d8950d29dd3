#include "credits/ticks.h"

#include <algorithm>

namespace cupola::credits {

void TickCounter::add(const Tick& tick) {
  const Instant within = tick.due + tick_grace;
  // Before the next tick has come, whatever starts is in time.
  const auto end = next_due_ ? std::optional(std::max(within, *next_due_)) : std::nullopt;
  const bool own = tick.started_at && (!end || *tick.started_at < *end);
  const bool by_later = later_start_ && *later_start_ <= within;
  const bool is_over = tick.is_given_up || (end && now_ >= *end);
  count_.due += tick.count;
  if (!tick.is_excused && !own && !by_later && is_over) count_.missed += tick.count;
  next_due_ = tick.due;
  if (tick.started_at)
    later_start_ = std::min(later_start_.value_or(*tick.started_at), *tick.started_at);
}

}  // namespace cupola::credits
