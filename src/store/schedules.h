#pragma once

/// Schedules of deployments: what the live release says, the switch, the offset, the next fire.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"
#include "store/schedule_settings.h"

namespace cupola::store {

struct Schedule {
  ScheduleKey key;
  OrganizationKey organization;
  ProjectKey project;
  DeploymentKey deployment;
  std::string name;
  std::string interval;
  std::string timezone;
  std::chrono::minutes offset{0};        ///< that holds
  std::chrono::minutes drawn_offset{0};  ///< that holds where no other is chosen
  bool present = true;                   ///< in the live release
  bool enabled = false;
  std::optional<Instant> enabled_at;
  Instant interval_since;  ///< when the deploy that last changed interval or zone went live
  Overlap overlap = Overlap::queue_one;
  Missed missed = Missed::latest;
  std::chrono::milliseconds run_timeout{24h};
  int retries = 0;  ///< attempts after the first; of runs by the clock
  std::chrono::milliseconds retry_wait{30s};
  int pause_after = 0;                      ///< failures in a row; 0: never
  int failures = 0;                         ///< in a row, so far
  std::optional<std::string> paused_cause;  ///< why it was switched off after failures
  ScheduleSettings given;                   ///< by meltano.yml
  ScheduleSettings own;                     ///< set through the API, which wins
  std::vector<std::string> state_ids;       ///< that a run of the live release takes
  bool planned =
      false;  ///< whether due_at says what switch and interval want; else the scheduler plans
  std::optional<Instant> due_at;       ///< next fire, with its offset
  std::optional<Instant> due_nominal;  ///< the same without
};

/// A schedule as a release has it.
struct ReleasedSchedule {
  std::string name;
  std::string interval;
  ScheduleSettings given;              ///< by meltano.yml; the rest is as it is by default
  std::vector<std::string> state_ids;  ///< that its run takes
};

/// Brings the deployment's schedules to what a release has, by name: a new one starts off with the
/// offset `draw_offset()` gives; one that is there keeps its switch and offset, also when it had
/// vanished; one that is gone is no longer present and awaits no fire. One that is new, came back,
/// or has another interval or zone gets `interval_since` = now and is no longer planned: the
/// scheduler, once woken, sets its next fire (scheduler/enqueue.h). One that did not change keeps
/// the fire it awaits, and where its offset changed that fire is due accordingly. What was set
/// through the API stays and wins. Call it in the transaction of `switch_over`.
std::vector<Schedule> replace_schedules(db::Session& db, const DeploymentKey& deployment,
                                        const std::vector<ReleasedSchedule>& released,
                                        const std::function<std::chrono::minutes()>& draw_offset,
                                        Instant now);

/// Sets what the API says of the schedule, in place of what it said before. The schedule is one
/// that was read after `hold` (store/hold.h). Another zone or offset has the effect that it has in
/// a deploy; the caller wakes the scheduler.
void set_own_settings(db::Session& db, const Schedule& schedule, const ScheduleSettings& own,
                      Instant now);

std::optional<Schedule> find_schedule(db::Session& db, const OrganizationKey& organization,
                                      const DeploymentKey& deployment, std::string_view name);
std::optional<Schedule> find_schedule(db::Session& db, const ScheduleKey& key);
/// The present ones of one deployment (or of all), by deployment and name, after the one with the
/// key `after`, from the first where that is empty.
std::vector<Schedule> list_schedules(db::Session& db, const OrganizationKey& organization,
                                     const std::optional<ProjectKey>& project,
                                     const std::optional<DeploymentKey>& deployment,
                                     std::string_view after, int limit);
/// All rows of a deployment, also those not present: for the plan of a deploy.
std::vector<Schedule> list_all_schedules(db::Session& db, const DeploymentKey& deployment);

/// Switches on (enabled_at = now) or off. No fire is awaited then until the scheduler, which the
/// caller wakes, has planned it. Failures in a row are counted anew, and a cause why it was
/// switched off is forgotten. Switching on what is on changes nothing of its fires.
void set_enabled(db::Session& db, const ScheduleKey& schedule, bool enabled, Instant now);

/// Enabled and present schedules that are not planned.
std::vector<Schedule> list_unplanned_schedules(db::Session& db, int limit);

/// Whether switch, interval, zone and offset are what the caller saw; they stay so until its
/// transaction ends. What a deploy or a switch has changed since is planned anew, not by what it
/// was.
bool is_unchanged(db::Session& db, const Schedule& seen);

/// The next fire, or none awaited; the schedule is planned then, and that it was at `now` is kept
/// (store/set_back.h). `was_due` is the due_at that the caller saw: false, and nothing changed,
/// when another server has moved it meanwhile.
bool set_next_fire(db::Session& db, const ScheduleKey& schedule,
                   const std::optional<Instant>& was_due, const std::optional<Instant>& due_at,
                   const std::optional<Instant>& nominal, Instant now);

/// Enabled and present schedules that await a fire, by key, after the key `after`.
std::vector<Schedule> list_planned_schedules(db::Session& db, std::string_view after, int limit);
/// Enabled and present schedules due after `after`, and at or before `until`; soonest first.
std::vector<Schedule> list_due_schedules(db::Session& db, Instant after, Instant until, int limit);
/// When the next schedule is due, if any is.
std::optional<Instant> next_due(db::Session& db);

/// skipped_credits: the organization had none left, and wants nothing to run then.
enum class FireOutcome { run, skipped_overlap, skipped_credits, missed };
std::string_view to_text(FireOutcome outcome);

struct Fire {
  ScheduleKey schedule;
  Instant nominal;
  Instant due;
  FireOutcome outcome = FireOutcome::run;
  std::optional<RunId> run;
  std::int64_t count = 1;  ///< fires that this row stands for, the last of them at `nominal`
  Instant noticed_at;
};

/// Records the fire; false when this nominal time was recorded before: then it did happen already.
bool record_fire(db::Session& db, const Fire& fire);
/// Records fires as missed, a row each; gives how many of them were not on record before.
struct FireTime {
  Instant nominal;
  Instant due;
};
int record_missed_fires(db::Session& db, const ScheduleKey& schedule,
                        std::span<const FireTime> fires, Instant noticed_at);
/// Newest first.
std::vector<Fire> list_fires(db::Session& db, const ScheduleKey& schedule, int limit);
struct FireCounts {
  std::int64_t run = 0;
  std::int64_t skipped_overlap = 0;
  std::int64_t skipped_credits = 0;
  std::int64_t missed = 0;
};
/// For how many fires the newest `rows` rows of the schedule stand.
FireCounts count_fires(db::Session& db, const ScheduleKey& schedule, int rows);
/// Deletes at most `limit` fires whose nominal time was before `before`; gives how many.
std::int64_t delete_old_fires(db::Session& db, const OrganizationKey& organization, Instant before,
                              int limit);

}  // namespace cupola::store
