#pragma once

/// What happened that somebody may be told: written with what it tells of, in the same transaction,
/// and turned into messages later (docs/design/notifications.md).

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "db/database.h"
#include "store/schedules.h"

namespace cupola::store {

using NotificationEventId = Id<struct NotificationEventIdTag>;

/// In the words of then: names may have changed since, and what they name may be gone.
struct NotificationEvent {
  NotificationEventId id;
  OrganizationKey organization;
  std::optional<ProjectKey> project;
  std::optional<DeploymentKey> deployment;
  std::string kind;          ///< job_run, deploy, credits_low, test
  std::string status;        ///< succeeded, failed, cancelled, late; low (of credits)
  std::optional<RunId> run;  ///< none: of no run
  std::optional<std::string> schedule;
  std::vector<std::string> tasks;
  std::string project_name;
  std::string deployment_name;
  std::optional<std::string> cause;
  std::optional<std::string> cancel_code;
  Instant created_at;
  bool told_always = false;  ///< also to those who want to hear of changes only
};

/// Notes the end of a run, if it is final, was not skipped, and the organization has a
/// notification; with what else there is to say of it, after the cause, which makes it something
/// that those who want to hear of changes only are told, too. Call it in the transaction that ends
/// the run.
void tell_outcome(db::Session& db, const RunId& run, const std::optional<std::string>& also,
                  Instant now);
/// The same for a release that failed.
void tell_failed_deploy(db::Session& db, const ReleaseKey& release, Instant now);

/// The same for an organization whose credits have become few.
void tell_credits_low(db::Session& db, const OrganizationKey& organization, std::string_view cause,
                      Instant now);

/// A schedule that has had no success for too long. `once` is the same for the same lateness: then
/// it is noted once only. False when it was noted before.
struct LateSchedule {
  ScheduleKey schedule;
  std::string once;
  std::string cause;
};
bool tell_late(db::Session& db, const LateSchedule& late, Instant now);
bool is_told_late(db::Session& db, const LateSchedule& late);
/// When the newest run of the schedule that succeeded had ended.
std::optional<Instant> last_success(db::Session& db, const Schedule& schedule);

bool has_open_events(db::Session& db);
/// Those whose messages are to be made, oldest first; other servers do not get them until the
/// transaction ends.
std::vector<NotificationEvent> take_open_events(db::Session& db, int limit);
void mark_handled(db::Session& db, const NotificationEventId& event);

/// How the run before ended, of the same schedule, or of the same tasks of the deployment:
/// "succeeded" or "failed"; those that ended otherwise do not count. Empty when there is none.
std::optional<std::string> previous_outcome(db::Session& db, const NotificationEvent& event);

/// Deletes at most `limit` events from before `before`, with their messages, that nobody waits for;
/// gives how many.
std::int64_t delete_old_events(db::Session& db, const OrganizationKey& organization, Instant before,
                               int limit);

}  // namespace cupola::store
