#include "scheduler/backfill_intervals.h"

#include <algorithm>

#include <fmt/format.h>

#include "scheduler/timing.h"
#include "store/backfills.h"

namespace cupola::scheduler {

Result<std::vector<std::pair<Instant, Instant>>> intervals_of(const store::Schedule& schedule,
                                                              const IntervalsWanted& wanted) {
  auto timing = timing_of(schedule);
  if (!timing) return timing.error();
  timing->offset = {};
  if (!timing->expression.has_clock()) {
    return Error{Error::Kind::invalid,
                 fmt::format("The interval {} of the schedule '{}' names no times.",
                             schedule.interval, schedule.name),
                 "A backfill goes over the fires of a schedule that has some."};
  }
  const std::int64_t fires = cron::count_fires(*timing, wanted.since - 1ms, wanted.until);
  if (fires < 2) {
    return Error{Error::Kind::invalid,
                 fmt::format("No interval of the schedule '{}' ({} {}) lies between {} and {}.",
                             schedule.name, schedule.interval, schedule.timezone,
                             to_rfc3339(wanted.since), to_rfc3339(wanted.until)),
                 "An interval goes from one fire to the next; give an earlier start."};
  }
  const std::int64_t all = fires - 1;
  const std::int64_t count = wanted.limit == 0 ? all : std::min<std::int64_t>(all, wanted.limit);
  if (count > store::most_backfill_intervals) {
    return Error{Error::Kind::invalid,
                 fmt::format("The range has {} intervals; a backfill has {} at most.", all,
                             store::most_backfill_intervals),
                 "Give a shorter range, or a limit."};
  }
  std::vector<std::pair<Instant, Instant>> intervals;
  const auto fire_beside = [&](Instant instant) {
    return wanted.newest_first ? cron::previous_fire(*timing, instant)
                               : cron::next_fire(*timing, instant);
  };
  auto from = fire_beside(wanted.newest_first ? wanted.until + 1ms : wanted.since - 1ms);
  while (from && static_cast<std::int64_t>(intervals.size()) < count) {
    const auto to = fire_beside(from->nominal);
    if (!to) break;
    intervals.push_back(std::minmax(from->nominal, to->nominal));
    from = to;
  }
  return intervals;
}

}  // namespace cupola::scheduler
