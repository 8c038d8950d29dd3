#include "notify/late.h"

#include <algorithm>

#include <fmt/format.h>

#include "scheduler/timing.h"
#include "store/notification_events.h"
#include "store/notifications.h"
#include "store/schedules.h"

namespace cupola::notify {
namespace {

constexpr std::chrono::milliseconds shortest_grace = 5min;
constexpr std::chrono::milliseconds longest_grace = 6h;
constexpr int schedules_a_look = 500;

std::chrono::milliseconds with_grace(std::chrono::milliseconds period) {
  return period + std::clamp<std::chrono::milliseconds>(period / 4, shortest_grace, longest_grace);
}

std::optional<store::LateSchedule> lateness(db::Session& db, const store::Schedule& schedule,
                                            Instant now) {
  const auto timing = scheduler::timing_of(schedule);
  if (!timing || !schedule.enabled_at) return std::nullopt;
  const Instant since = std::max(*schedule.enabled_at, schedule.interval_since);
  const auto success = store::last_success(db, schedule);
  const bool counts = success && *success >= since;
  const auto late = counts ? late_at(*timing, *success) : late_at_without_success(*timing, since);
  if (!late || *late > now) return std::nullopt;
  return store::LateSchedule{
      .schedule = schedule.key,
      .once = fmt::format("late/{}/{}", schedule.key.text(),
                          to_milliseconds(counts ? *success : since)),
      .cause = counts ? fmt::format("no success since {}", to_rfc3339(*success))
                      : fmt::format("no success since it was switched on or changed, {}",
                                    to_rfc3339(since))};
}

}  // namespace

std::optional<Instant> late_at(const cron::Timing& timing, Instant last_success) {
  const auto after = cron::next_fire(timing, last_success);
  if (!after) return std::nullopt;
  const auto before = cron::previous_fire(timing, after->due);
  if (!before) return std::nullopt;
  return last_success + with_grace(after->due - before->due);
}

std::optional<Instant> late_at_without_success(const cron::Timing& timing, Instant since) {
  const auto first = cron::next_fire(timing, since);
  if (!first) return std::nullopt;
  const auto second = cron::next_fire(timing, first->due);
  if (!second) return std::nullopt;
  return first->due + with_grace(second->due - first->due);
}

int tell_late_schedules(db::Database& database, Instant now) {
  const auto organizations =
      database.read([](db::Session& db) { return store::list_organizations_that_want_late(db); });
  std::vector<store::LateSchedule> late;
  for (const OrganizationKey& organization : organizations) {
    std::string after;
    while (true) {
      const auto schedules = database.read([&](db::Session& db) {
        const auto page = store::list_schedules(db, organization, std::nullopt, std::nullopt, after,
                                                schedules_a_look);
        for (const store::Schedule& schedule : page) {
          if (!schedule.enabled) continue;
          if (auto found = lateness(db, schedule, now)) late.push_back(*std::move(found));
        }
        return page;
      });
      if (schedules.size() < schedules_a_look) break;
      after = schedules.back().key.text();
    }
  }
  int told = 0;
  for (const store::LateSchedule& one : late) {
    const bool is_known =
        database.read([&](db::Session& db) { return store::is_told_late(db, one); });
    if (is_known) continue;
    if (database.write([&](db::Session& db) { return store::tell_late(db, one, now); })) ++told;
  }
  return told;
}

}  // namespace cupola::notify
