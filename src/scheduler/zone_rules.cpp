#include "scheduler/zone_rules.h"

#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "scheduler/timing.h"
#include "store/schedules.h"

namespace cupola::scheduler {
namespace {

constexpr int schedules_a_step = 500;

using Move = std::pair<store::Schedule, std::optional<cron::Fire>>;

std::vector<Move> moves_among(const std::vector<store::Schedule>& schedules, Instant now) {
  std::vector<Move> moves;
  for (const store::Schedule& schedule : schedules) {
    if (!schedule.due_at || *schedule.due_at <= now || schedule.timezone == "UTC") continue;
    const auto timing = timing_of(schedule);
    if (!timing) continue;  // told when the fire is due
    const auto next = cron::next_fire(*timing, now);
    if (!next || next->due != *schedule.due_at) moves.emplace_back(schedule, next);
  }
  return moves;
}

}  // namespace

int follow_zone_rules(db::Database& database, Instant now) {
  int moved = 0;
  for (std::string after;;) {
    const auto schedules = database.read([&](db::Session& db) {
      return store::list_planned_schedules(db, after, schedules_a_step);
    });
    const auto moves = moves_among(schedules, now);
    if (!moves.empty()) {
      moved += database.write([&](db::Session& db) {
        int count = 0;
        for (const auto& [schedule, next] : moves) {
          count += store::set_next_fire(db, schedule.key, schedule.due_at,
                                        next ? std::optional{next->due} : std::nullopt,
                                        next ? std::optional{next->nominal} : std::nullopt, now)
                       ? 1
                       : 0;
        }
        return count;
      });
    }
    if (static_cast<int>(schedules.size()) < schedules_a_step) break;
    after = schedules.back().key.text();
  }
  if (moved > 0) log_info("The rules of time zones have changed: {} schedules follow them.", moved);
  return moved;
}

}  // namespace cupola::scheduler
