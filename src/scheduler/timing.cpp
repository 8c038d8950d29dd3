#include "scheduler/timing.h"

#include <algorithm>

namespace cupola::scheduler {

Result<cron::Timing> timing_of(const store::Schedule& schedule) {
  auto expression = cron::Expression::parse(schedule.interval);
  if (!expression) return expression.error();
  auto zone = cron::Zone::find(schedule.timezone);
  if (!zone) return zone.error();
  return cron::Timing{
      .expression = *std::move(expression), .zone = *std::move(zone), .offset = schedule.offset};
}

std::vector<cron::Fire> next_fires(const store::Schedule& schedule, Instant now, int count) {
  std::vector<cron::Fire> fires;
  const auto timing = timing_of(schedule);
  if (!timing) return fires;
  Instant after = now;
  if (schedule.enabled && schedule.planned && schedule.due_at && schedule.due_nominal) {
    // What is awaited comes first, and nothing before it: the offset may have been another one when
    // the last fire came.
    after = std::max(now, *schedule.due_nominal + timing->offset);
    if (*schedule.due_at > now)
      fires.push_back({.nominal = *schedule.due_nominal, .due = *schedule.due_at});
  }
  while (static_cast<int>(fires.size()) < count) {
    const auto fire = cron::next_fire(*timing, after);
    if (!fire) break;
    fires.push_back(*fire);
    after = fire->due;
  }
  return fires;
}

}  // namespace cupola::scheduler
