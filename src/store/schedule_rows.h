#pragma once

/// How schedules and fires lie in their tables, for the files of this module that read them.

#include "db/database.h"
#include "store/schedules.h"

/// The columns that `to_schedule` reads, of the table `schedules` as `s`.
#define SCHEDULE_COLUMNS                                                                           \
  "s.key, s.organization_key, s.project_key, s.deployment_key, s.name, s.interval, s.timezone,"    \
  " s.offset_minutes, s.present, s.enabled, s.enabled_at, s.interval_since, s.overlap, s.missed,"  \
  " s.run_timeout, s.state_ids, s.planned, s.due_at, s.due_nominal,"                               \
  " s.retries, s.retry_wait, s.drawn_offset, s.pause_after, s.failures, s.paused_cause, s.given, " \
  "s.own"

/// The columns that `to_fire` reads.
#define FIRE_COLUMNS "schedule_key, nominal, due, outcome, run_id, count, noticed_at"

namespace cupola::store {

Schedule to_schedule(const db::Row& row);
Fire to_fire(const db::Row& row);

}  // namespace cupola::store
