#pragma once

/// Schedules of deployments: what the live release says, the switch, the offset, the next fire.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/outcome.h"
#include "base/time.h"
#include "db/database.h"

namespace cupola::store {

/// What happens when a fire comes while the schedule's last run is still going.
enum class Overlap { queue_one, skip, allow };
std::string_view to_text(Overlap overlap);
std::optional<Overlap> parse_overlap(std::string_view text);

/// What happens to fires that came 60 s late or more.
enum class Missed { latest, skip, all };
std::string_view to_text(Missed missed);
std::optional<Missed> parse_missed(std::string_view text);

struct Schedule {
  ScheduleKey key;
  OrganizationKey organization;
  ProjectKey project;
  DeploymentKey deployment;
  std::string name;
  std::string interval;
  std::string timezone;
  std::chrono::minutes offset{0};
  bool present = true;  ///< in the live release
  bool enabled = false;
  std::optional<Instant> enabled_at;
  Instant interval_since;  ///< when the deploy that last changed interval or zone went live
  Overlap overlap = Overlap::queue_one;
  Missed missed = Missed::latest;
  std::chrono::milliseconds run_timeout{24h};
  int retries = 0;  ///< attempts after the first; of runs by the clock
  std::chrono::milliseconds retry_wait{30s};
  std::vector<std::string> state_ids;  ///< that a run of the live release takes
  bool planned =
      false;  ///< whether due_at says what switch and interval want; else the scheduler plans
  std::optional<Instant> due_at;       ///< next fire, with its offset
  std::optional<Instant> due_nominal;  ///< the same without
};

/// A schedule as a release has it.
struct ReleasedSchedule {
  std::string name;
  std::string interval;
  std::string timezone;
  Overlap overlap = Overlap::queue_one;
  Missed missed = Missed::latest;
  std::chrono::milliseconds run_timeout{24h};
  int retries = 0;
  std::chrono::milliseconds retry_wait{30s};
  std::vector<std::string> state_ids;  ///< that its run takes
};

/// Brings the deployment's schedules to what a release has, by name: a new one starts off with the
/// offset `draw_offset()` gives; one that is there keeps its switch and offset, also when it had
/// vanished; one that is gone is no longer present and awaits no fire. One that is new, came back,
/// or has another interval or zone gets `interval_since` = now and is no longer planned: the
/// scheduler, once woken, sets its next fire (scheduler/enqueue.h). One that did not change keeps
/// the fire it awaits. Call it in the transaction of `switch_over`.
std::vector<Schedule> replace_schedules(db::Session& db, const DeploymentKey& deployment,
                                        const std::vector<ReleasedSchedule>& released,
                                        const std::function<std::chrono::minutes()>& draw_offset,
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
/// caller wakes, has planned it. Switching on what is on changes nothing.
void set_enabled(db::Session& db, const ScheduleKey& schedule, bool enabled, Instant now);

/// Enabled and present schedules that are not planned.
std::vector<Schedule> list_unplanned_schedules(db::Session& db, int limit);

/// Whether switch, interval and zone are what the caller saw; they stay so until its transaction
/// ends. What a deploy or a switch has changed since is planned anew, not by what it was.
bool is_unchanged(db::Session& db, const Schedule& seen);

/// The next fire, or none awaited; the schedule is planned then, and that it was at `now` is kept
/// (store/set_back.h). `was_due` is the due_at that the caller saw: false, and nothing changed,
/// when another server has moved it meanwhile.
bool set_next_fire(db::Session& db, const ScheduleKey& schedule,
                   const std::optional<Instant>& was_due, const std::optional<Instant>& due_at,
                   const std::optional<Instant>& nominal, Instant now);

/// Enabled and present schedules that await a fire, by key, after the key `after`.
std::vector<Schedule> list_planned_schedules(db::Session& db, std::string_view after, int limit);
/// Enabled and present schedules due at or before `now`, soonest first.
std::vector<Schedule> list_due_schedules(db::Session& db, Instant now, int limit);
/// When the next schedule is due, if any is.
std::optional<Instant> next_due(db::Session& db);

enum class FireOutcome { run, skipped_overlap, missed };
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
/// Newest first.
std::vector<Fire> list_fires(db::Session& db, const ScheduleKey& schedule, int limit);
struct FireCounts {
  std::int64_t run = 0;
  std::int64_t skipped_overlap = 0;
  std::int64_t missed = 0;
};
/// For how many fires the newest `rows` rows of the schedule stand.
FireCounts count_fires(db::Session& db, const ScheduleKey& schedule, int rows);
/// Deletes at most `limit` fires whose nominal time was before `before`; gives how many.
std::int64_t delete_old_fires(db::Session& db, const OrganizationKey& organization, Instant before,
                              int limit);

}  // namespace cupola::store
