#include "store/backfills.h"

#include <limits>

#include <fmt/format.h>

#include "base/crash_point.h"
#include "store/backfill_rows.h"
#include "store/backfill_runs.h"
#include "store/columns.h"
#include "store/hold.h"
#include "store/runs.h"

namespace cupola::store {
namespace {

constexpr Words<BackfillStatus, 3> status_words = {{{BackfillStatus::running, "running"},
                                                    {BackfillStatus::ended, "ended"},
                                                    {BackfillStatus::stopped, "stopped"}}};

/// As many digits as tell backfills of one template apart, also those of a deployment that is gone.
constexpr std::size_t own_digits = 8;

Error running_already(const Backfill& other) {
  return {Error::Kind::conflict,
          fmt::format("Backfill {} of the schedule '{}' is running.", other.number,
                      other.schedule_name),
          fmt::format("Wait for it, or stop it: `cupola backfill stop {}`.", other.number)};
}

}  // namespace

std::string_view to_text(BackfillStatus status) {
  return word_for(status_words, status);
}

Backfill to_backfill(const db::Row& row) {
  return {.key = row.get<BackfillKey>(0),
          .organization = row.get<OrganizationKey>(1),
          .project = row.get<ProjectKey>(2),
          .deployment = row.get<DeploymentKey>(3),
          .schedule = row.get<ScheduleKey>(4),
          .number = row.get<std::int64_t>(5),
          .schedule_name = row.get<std::string>(6),
          .status = value_in_column(status_words, row.get<std::string_view>(7)),
          .cause = row.get<std::optional<std::string>>(8),
          .since = row.get<Instant>(9),
          .until = row.get<Instant>(10),
          .newest_first = row.get<bool>(11),
          .parallel = row.get<int>(12),
          .start_variable = row.get<std::string>(13),
          .end_variable = row.get<std::string>(14),
          .state_id_suffix = row.get<std::string>(15),
          .created_by = row.get<std::string>(16),
          .created_at = row.get<Instant>(17),
          .ended_at = row.get<std::optional<Instant>>(18)};
}

Result<Backfill> add_backfill(db::Session& db, Backfill backfill,
                              const std::vector<std::pair<Instant, Instant>>& intervals,
                              Instant now) {
  // Two servers must not draw the same number, nor both find none running.
  hold(db, backfill.deployment);
  const auto running =
      db.one("SELECT " BACKFILL_COLUMNS
             " FROM backfills b WHERE b.schedule_key = :schedule AND b.status = 'running'",
             to_backfill, {{"schedule", backfill.schedule}});
  if (running) return running_already(*running);
  backfill.key = new_id<BackfillKey>();
  const std::string digits = backfill.key.text();
  backfill.state_id_suffix += "-" + digits.substr(digits.size() - own_digits);
  db.execute(R"sql(
      INSERT INTO backfills (key, organization_key, project_key, deployment_key, schedule_key, number,
        schedule_name, status, since, until, newest_first, parallel, start_variable, end_variable,
        state_id_suffix, created_by, created_at)
      SELECT :key, :organization, :project, :deployment, :schedule, coalesce(max(number), 0) + 1,
        :name, 'running', :since, :until, :newest_first, :parallel, :start, :end, :suffix, :by, :now
      FROM backfills WHERE deployment_key = :deployment)sql",
             {{"key", backfill.key},
              {"organization", backfill.organization},
              {"project", backfill.project},
              {"deployment", backfill.deployment},
              {"schedule", backfill.schedule},
              {"name", backfill.schedule_name},
              {"since", backfill.since},
              {"until", backfill.until},
              {"newest_first", backfill.newest_first},
              {"parallel", backfill.parallel},
              {"start", backfill.start_variable},
              {"end", backfill.end_variable},
              {"suffix", backfill.state_id_suffix},
              {"by", backfill.created_by},
              {"now", now}});
  std::int64_t number = 0;
  for (const auto& [start, end] : intervals) {
    db.execute(R"sql(
        INSERT INTO backfill_intervals (backfill_key, number, begins_at, ends_at, status)
        VALUES (:backfill, :number, :start, :end, 'waiting'))sql",
               {{"backfill", backfill.key}, {"number", ++number}, {"start", start}, {"end", end}});
  }
  crash_point("backfill.making");
  go_on(db, backfill.key, now);
  return *db.one("SELECT " BACKFILL_COLUMNS " FROM backfills b WHERE b.key = :key", to_backfill,
                 {{"key", backfill.key}});
}

std::optional<Backfill> find_backfill(db::Session& db, const OrganizationKey& organization,
                                      const DeploymentKey& deployment, std::int64_t number) {
  return db.one("SELECT " BACKFILL_COLUMNS R"sql( FROM backfills b
      WHERE b.organization_key = :organization AND b.deployment_key = :deployment
        AND b.number = :number)sql",
                to_backfill,
                {{"organization", organization}, {"deployment", deployment}, {"number", number}});
}

std::vector<Backfill> list_backfills(db::Session& db, const OrganizationKey& organization,
                                     const DeploymentKey& deployment, std::int64_t before,
                                     int limit) {
  return db.all("SELECT " BACKFILL_COLUMNS R"sql( FROM backfills b
      WHERE b.organization_key = :organization AND b.deployment_key = :deployment
        AND b.number < :before
      ORDER BY b.number DESC LIMIT :limit)sql",
                to_backfill,
                {{"organization", organization},
                 {"deployment", deployment},
                 {"before", before == 0 ? std::numeric_limits<std::int64_t>::max() : before},
                 {"limit", limit}});
}

std::vector<BackfillInterval> list_intervals(db::Session& db, const BackfillKey& backfill) {
  return db.all(R"sql(
      SELECT begins_at, ends_at, status, run_id FROM backfill_intervals
      WHERE backfill_key = :backfill ORDER BY number)sql",
                [](const db::Row& row) {
                  return BackfillInterval{.start = row.get<Instant>(0),
                                          .end = row.get<Instant>(1),
                                          .status = row.get<std::string>(2),
                                          .run = row.get<std::optional<RunId>>(3)};
                },
                {{"backfill", backfill}});
}

BackfillCounts count_intervals(db::Session& db, const BackfillKey& backfill) {
  BackfillCounts counts;
  db.each(R"sql(
      SELECT status, count(*) FROM backfill_intervals WHERE backfill_key = :backfill
      GROUP BY status)sql",
          {{"backfill", backfill}}, [&](const db::Row& row) {
            const auto status = row.get<std::string_view>(0);
            const auto count = row.get<std::int64_t>(1);
            if (status == "waiting") counts.waiting += count;
            if (status == "open") counts.open += count;
            if (status == "succeeded") counts.succeeded += count;
            if (status == "failed" || status == "timed_out" || status == "lost")
              counts.failed += count;
            if (status == "cancelled" || status == "skipped") counts.cancelled += count;
            if (status == "dropped") counts.dropped += count;
            return true;
          });
  return counts;
}

bool end_backfill(db::Session& db, const BackfillKey& backfill, BackfillStatus status,
                  const std::optional<std::string>& cause, Instant now) {
  crash_point("backfill.ending");
  const auto ended =
      db.execute(R"sql(
      UPDATE backfills SET status = :status, cause = :cause, ended_at = :now
      WHERE key = :key AND status = 'running')sql",
                 {{"status", to_text(status)}, {"cause", cause}, {"now", now}, {"key", backfill}});
  db.execute(R"sql(
      UPDATE backfill_intervals SET status = 'dropped'
      WHERE backfill_key = :backfill AND status = 'waiting')sql",
             {{"backfill", backfill}});
  crash_point("backfill.ended");
  return ended == 1;
}

Result<Backfill> stop_backfill(db::Session& db, const Backfill& backfill, std::string_view cause,
                               Instant now) {
  if (!end_backfill(db, backfill.key, BackfillStatus::stopped, std::string(cause), now)) {
    return Error{Error::Kind::conflict, fmt::format("Backfill {} is over.", backfill.number),
                 "There is nothing to stop."};
  }
  for (const BackfillInterval& interval : list_intervals(db, backfill.key)) {
    if (interval.status == "open" && interval.run)
      (void)request_stop(db, backfill.organization, *interval.run, "user", now);
  }
  return *find_backfill(db, backfill.organization, backfill.deployment, backfill.number);
}

void stop_backfills_of(db::Session& db, const DeploymentKey& deployment, std::string_view cause,
                       Instant now) {
  const auto running = db.all(
      "SELECT key FROM backfills WHERE deployment_key = :deployment AND status = 'running'",
      [](const db::Row& row) { return row.get<BackfillKey>(0); }, {{"deployment", deployment}});
  for (const BackfillKey& key : running) {
    end_backfill(db, key, BackfillStatus::stopped, std::string(cause), now);
  }
}

std::int64_t delete_old_backfills(db::Session& db, const OrganizationKey& organization,
                                  Instant before, int limit) {
  // One whose last runs are still stopping stays.
  return db.execute(R"sql(
      DELETE FROM backfills WHERE key IN (
        SELECT b.key FROM backfills b WHERE b.organization_key = :organization
          AND b.ended_at IS NOT NULL AND b.ended_at < :before
          AND NOT EXISTS (SELECT 1 FROM backfill_intervals i
                          WHERE i.backfill_key = b.key AND i.status = 'open')
        ORDER BY b.ended_at LIMIT :limit))sql",
                    {{"organization", organization}, {"before", before}, {"limit", limit}});
}

}  // namespace cupola::store
