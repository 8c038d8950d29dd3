#include "scheduler/missed.h"

#include <deque>

namespace cupola::scheduler {
namespace {

/// The newest of the fires that came, and how many older ones there were.
struct Come {
  std::deque<cron::Fire> newest;
  cron::Fire last_older;
  std::int64_t older = 0;
};

/// From `now` backwards, so that a month or ten years cost no more than the rows that are kept. The
/// first is told by its nominal time: it may be due later than it would be by an offset that was
/// changed while it was awaited.
Come fires_until(const cron::Timing& timing, const cron::Fire& first, Instant now) {
  Come come;
  for (auto fire = cron::previous_fire(timing, now + 1ms);;
       fire = cron::previous_fire(timing, fire->due)) {
    const bool is_first = !fire || fire->nominal <= first.nominal;
    if (is_first) fire = first;
    if (come.newest.size() == missed_rows) {
      come.last_older = *fire;
      come.older = 1 + cron::count_fires(timing, first.nominal + timing.offset, fire->due);
      return come;
    }
    come.newest.push_front(*fire);
    if (is_first) return come;
  }
}

}  // namespace

Verdict judge(const cron::Timing& timing, const cron::Fire& first, store::Missed policy,
              Instant now) {
  const Come come = fires_until(timing, first, now);
  Verdict verdict;
  if (come.older > 0) verdict.missed.push_back({come.last_older, come.older});

  const std::size_t all = come.newest.size();
  for (std::size_t i = 0; i < all; ++i) {
    const cron::Fire& fire = come.newest[i];
    const auto late_by = now - fire.due;
    const bool late = late_by >= late_after;
    const bool is_last = i + 1 == all;
    bool start = !late;
    if (policy == store::Missed::latest) start = is_last && late_by <= catch_up_within;
    if (policy == store::Missed::all && late) {
      start = late_by <= catch_up_within && all - i <= catch_up_most;
    }
    if (start) {
      const std::int64_t before =
          policy == store::Missed::latest ? come.older + static_cast<std::int64_t>(i) : 0;
      verdict.starts.push_back({fire, 1 + before, late});
    } else {
      verdict.missed.push_back({fire, 1});
    }
  }
  return verdict;
}

}  // namespace cupola::scheduler
