// How deploys and settings change schedules.

#include <algorithm>

#include "store/columns.h"
#include "store/hold.h"
#include "store/schedules.h"
#include "store/topics.h"

namespace cupola::store {
namespace {

/// The parameters of what a schedule is set to, and of what a release has it as.
db::Params params_of(const ReleasedSchedule& released, const ScheduleSettings& settings,
                     std::chrono::minutes drawn) {
  return {{"interval", released.interval},
          {"timezone", *settings.timezone},
          {"offset", settings.offset->minutes.value_or(drawn).count()},
          {"overlap", to_text(*settings.overlap)},
          {"missed", to_text(*settings.missed)},
          {"run_timeout", *settings.run_timeout},
          {"retries", *settings.retries},
          {"retry_wait", *settings.retry_wait},
          {"pause_after", *settings.pause_after},
          {"given", json::serialize(to_json(released.given))},
          {"state_ids", to_column(released.state_ids)}};
}

void add(db::Session& db, const DeploymentKey& deployment, const ReleasedSchedule& released,
         std::chrono::minutes drawn, Instant now) {
  const ScheduleSettings settings = merged(default_settings(), released.given);
  db::Params params = params_of(released, settings, drawn);
  params.emplace_back("key", new_id<ScheduleKey>());
  params.emplace_back("name", released.name);
  params.emplace_back("drawn", drawn.count());
  params.emplace_back("now", now);
  params.emplace_back("deployment", deployment);
  db.execute(R"sql(
      INSERT INTO schedules (key, organization_key, project_key, deployment_key, name, interval,
        timezone, offset_minutes, drawn_offset, present, enabled, interval_since, overlap, missed,
        run_timeout, retries, retry_wait, pause_after, given, state_ids, planned, created_at)
      SELECT :key, organization_key, project_key, key, :name, :interval, :timezone, :offset, :drawn,
        1, 0, :now, :overlap, :missed, :run_timeout, :retries, :retry_wait, :pause_after, :given,
        :state_ids, 0, :now
      FROM deployments WHERE key = :deployment)sql",
             params);
}

void plan_anew(db::Session& db, const ScheduleKey& schedule, Instant since) {
  db.execute(R"sql(
      UPDATE schedules SET interval_since = :since, planned = 0, due_at = NULL, due_nominal = NULL
      WHERE key = :key)sql",
             {{"since", since}, {"key", schedule}});
}

/// The fire that is awaited stays the one awaited, so that none is lost or comes twice; where its
/// time under the new offset has gone by, it comes now.
void move_awaited_fire(db::Session& db, const ScheduleKey& schedule,
                       std::chrono::milliseconds offset, Instant now) {
  db.execute(R"sql(
      UPDATE schedules SET planned_at = :now,
        due_at = CASE WHEN due_nominal + :offset > :now THEN due_nominal + :offset ELSE :now END
      WHERE key = :key AND planned = 1 AND due_nominal IS NOT NULL)sql",
             {{"now", now}, {"offset", offset}, {"key", schedule}});
}

void take_away(db::Session& db, const ScheduleKey& schedule) {
  db.execute(R"sql(
      UPDATE schedules SET present = 0, planned = 0, due_at = NULL, due_nominal = NULL
      WHERE key = :key)sql",
             {{"key", schedule}});
}

/// Makes the schedule what `to` says, which the live release has, with what the API says.
void change(db::Session& db, const Schedule& from, const ReleasedSchedule& to,
            const ScheduleSettings& own, Instant now) {
  const ScheduleSettings settings = merged(merged(default_settings(), to.given), own);
  db::Params params = params_of(to, settings, from.drawn_offset);
  params.emplace_back("own", json::serialize(to_json(own)));
  params.emplace_back("key", from.key);
  db.execute(R"sql(
      UPDATE schedules SET interval = :interval, timezone = :timezone, present = 1,
        offset_minutes = :offset, overlap = :overlap, missed = :missed, run_timeout = :run_timeout,
        retries = :retries, retry_wait = :retry_wait, pause_after = :pause_after, given = :given,
        own = :own, state_ids = :state_ids
      WHERE key = :key)sql",
             params);
  const std::chrono::minutes offset = settings.offset->minutes.value_or(from.drawn_offset);
  const bool same_fires =
      from.present && from.interval == to.interval && from.timezone == *settings.timezone;
  if (!same_fires) {
    plan_anew(db, from.key, now);
  } else if (from.offset != offset) {
    move_awaited_fire(db, from.key, offset, now);
  }
}

}  // namespace

std::vector<Schedule> replace_schedules(db::Session& db, const DeploymentKey& deployment,
                                        const std::vector<ReleasedSchedule>& released,
                                        const std::function<std::chrono::minutes()>& draw_offset,
                                        Instant now) {
  hold_schedules_of(db, deployment);
  const auto known = list_all_schedules(db, deployment);
  for (const ReleasedSchedule& wanted : released) {
    const auto old = std::find_if(known.begin(), known.end(), [&](const Schedule& schedule) {
      return schedule.name == wanted.name;
    });
    if (old == known.end()) {
      add(db, deployment, wanted, draw_offset(), now);
    } else {
      change(db, *old, wanted, old->own, now);
    }
  }
  for (const Schedule& old : known) {
    const bool wanted =
        std::any_of(released.begin(), released.end(),
                    [&](const ReleasedSchedule& schedule) { return schedule.name == old.name; });
    if (!wanted && old.present) take_away(db, old.key);
  }
  db.tell(topics::schedules);
  return list_all_schedules(db, deployment);
}

void set_own_settings(db::Session& db, const Schedule& schedule, const ScheduleSettings& own,
                      Instant now) {
  change(db, schedule,
         {.name = schedule.name,
          .interval = schedule.interval,
          .given = schedule.given,
          .state_ids = schedule.state_ids},
         own, now);
  db.tell(topics::schedules);
}

}  // namespace cupola::store
