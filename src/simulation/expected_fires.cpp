#include "simulation/expected_fires.h"

#include <algorithm>

#include "cron/zone.h"

namespace cupola::simulation {
namespace {

using Minutes = std::int64_t;  ///< since 1970: of UTC, or of a wall clock

bool matches(const Interval& interval, Minutes wall) {
  const auto of_day = static_cast<int>(((wall % 1440) + 1440) % 1440);
  return interval.matches(of_day / 60, of_day % 60);
}

}  // namespace

const std::vector<Interval>& intervals() {
  static const std::vector<Interval> all = {
      {"* * * * *", false, [](int, int) { return true; }},
      {"*/2 * * * *", false, [](int, int minute) { return minute % 2 == 0; }},
      {"*/5 * * * *", false, [](int, int minute) { return minute % 5 == 0; }},
      {"@hourly", false, [](int, int minute) { return minute == 0; }},
      {"30 2 * * *", true, [](int hour, int minute) { return hour == 2 && minute == 30; }},
      {"10,40 1-3 * * *", true,
       [](int hour, int minute) {
         return hour >= 1 && hour <= 3 && (minute == 10 || minute == 40);
       }},
  };
  return all;
}

std::set<Instant> expected_fires(const Era& era) {
  const auto interval = std::find_if(intervals().begin(), intervals().end(),
                                     [&](const Interval& one) { return one.text == era.interval; });
  const cron::Zone zone = *cron::Zone::find(era.zone);
  const auto wall_at = [&](Minutes utc) {
    return utc + zone.spans()[zone.span_at(utc * 60)].offset / 60;
  };
  const auto minute_of = [](Instant instant) {
    return std::chrono::floor<std::chrono::minutes>(instant).time_since_epoch().count();
  };
  std::set<Instant> fires;
  const Minutes first = minute_of(std::max(era.after - era.offset, era.from)) - 1440;
  Minutes shown = wall_at(first - 1);  // the latest time that the wall clock has shown so far
  for (Minutes utc = first; utc <= minute_of(era.until); ++utc) {
    const Minutes wall = wall_at(utc);
    bool fires_now = !interval->is_fixed && matches(*interval, wall);
    for (Minutes passed = shown + 1; interval->is_fixed && passed <= wall; ++passed) {
      fires_now = fires_now || matches(*interval, passed);
    }
    shown = std::max(shown, wall);
    const Instant nominal{std::chrono::minutes(utc)};
    if (fires_now && nominal + era.offset > era.after && nominal >= era.from &&
        nominal < era.until) {
      fires.insert(nominal);
    }
  }
  return fires;
}

}  // namespace cupola::simulation
