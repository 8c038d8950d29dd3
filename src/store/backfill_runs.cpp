#include "store/backfill_runs.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "store/backfill_rows.h"
#include "store/credits.h"
#include "store/release_content.h"
#include "store/runs.h"

namespace cupola::store {
namespace {

struct Interval {
  std::int64_t number;
  Instant start;
  Instant end;
};

std::optional<Interval> next_waiting(db::Session& db, const BackfillKey& backfill) {
  return db.one(R"sql(
      SELECT number, begins_at, ends_at FROM backfill_intervals
      WHERE backfill_key = :backfill AND status = 'waiting' ORDER BY number LIMIT 1)sql",
                [](const db::Row& row) {
                  return Interval{.number = row.get<std::int64_t>(0),
                                  .start = row.get<Instant>(1),
                                  .end = row.get<Instant>(2)};
                },
                {{"backfill", backfill}});
}

std::int64_t count_open(db::Session& db, const BackfillKey& backfill) {
  return *db.one(
      "SELECT count(*) FROM backfill_intervals WHERE backfill_key = :backfill AND status = 'open'",
      [](const db::Row& row) { return row.get<std::int64_t>(0); }, {{"backfill", backfill}});
}

std::optional<ReleaseContent> live_content(db::Session& db, const DeploymentKey& deployment) {
  const auto text = db.one(
      "SELECT r.content FROM deployments d JOIN releases r ON r.key = d.release_key"
      " WHERE d.key = :deployment",
      [](const db::Row& row) { return row.get<std::optional<std::string>>(0); },
      {{"deployment", deployment}});
  if (!text || !*text) return std::nullopt;
  return parse_release_content(**text);
}

/// "20261123T0300Z"
std::string compact(Instant instant) {
  std::string text = to_rfc3339(instant).substr(0, 16) + "Z";
  std::erase_if(text, [](char letter) { return letter == '-' || letter == ':'; });
  return text;
}

void queue_interval(db::Session& db, const Backfill& backfill, const Interval& interval,
                    const ReleaseContent& content, const Schedule& schedule, Instant now) {
  const ContentSchedule* released = find_schedule(content, backfill.schedule_name);
  NewRun run{
      .id = new_id<RunId>(),
      .organization = backfill.organization,
      .project = backfill.project,
      .deployment = backfill.deployment,
      .schedule_name = backfill.schedule_name,
      .tasks = {},
      .trigger = Trigger::backfill,
      .scheduled_at = interval.end,
      .due_at = now,
      .options = {.state_id_suffix = backfill.state_id_suffix + "-" + compact(interval.start),
                  .env = {{backfill.start_variable, to_rfc3339(interval.start)},
                          {backfill.end_variable, to_rfc3339(interval.end)}},
                  .backfill =
                      BackfillPart{
                          .number = backfill.number, .start = interval.start, .end = interval.end}},
      .state_ids = {},
      .run_timeout = schedule.run_timeout,
      .most_attempts = 1 + schedule.retries,
      .retry_wait = schedule.retry_wait};
  run.state_ids = state_ids_under(content, *released, run.options.state_id_suffix);
  crash_point("backfill.queueing");
  add_run(db, run, now);
  db.execute(R"sql(
      UPDATE backfill_intervals SET status = 'open', run_id = :run
      WHERE backfill_key = :backfill AND number = :number)sql",
             {{"run", run.id}, {"backfill", backfill.key}, {"number", interval.number}});
  crash_point("backfill.queued");
}

}  // namespace

void note_interval_end(db::Session& db, const EndedRun& run, Instant now) {
  const auto backfill = db.one(R"sql(
      UPDATE backfill_intervals SET status = :status WHERE run_id = :run AND status = 'open'
      RETURNING backfill_key)sql",
                               [](const db::Row& row) { return row.get<BackfillKey>(0); },
                               {{"status", to_text(run.status)}, {"run", run.id}});
  if (!backfill) return;
  crash_point("backfill.interval_ended");
  go_on(db, *backfill, now);
}

void go_on(db::Session& db, const BackfillKey& key, Instant now) {
  const auto backfill =
      db.one("SELECT " BACKFILL_COLUMNS
             " FROM backfills b WHERE b.key = :key AND b.status = 'running' /* pg: FOR UPDATE */",
             to_backfill, {{"key", key}});
  if (!backfill) return;
  auto open = count_open(db, key);
  auto next = next_waiting(db, key);
  if (!next) {
    if (open == 0) end_backfill(db, key, BackfillStatus::ended, std::nullopt, now);
    return;
  }
  if (credit_account_of(db, backfill->organization).is_stopped()) {
    end_backfill(db, key, BackfillStatus::stopped, "there are no credits left", now);
    return;
  }
  const auto content = live_content(db, backfill->deployment);
  const auto schedule = find_schedule(db, backfill->schedule);
  if (!content || !schedule || find_schedule(*content, backfill->schedule_name) == nullptr) {
    end_backfill(
        db, key, BackfillStatus::stopped,
        fmt::format("the live release has no schedule '{}' any more", backfill->schedule_name),
        now);
    return;
  }
  for (; next && open < backfill->parallel; ++open, next = next_waiting(db, key))
    queue_interval(db, *backfill, *next, *content, *schedule, now);
}

}  // namespace cupola::store
