#include "scheduler/timing.h"

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
  while (static_cast<int>(fires.size()) < count) {
    const auto fire = cron::next_fire(*timing, fires.empty() ? now : fires.back().due);
    if (!fire) break;
    fires.push_back(*fire);
  }
  return fires;
}

}  // namespace cupola::scheduler
