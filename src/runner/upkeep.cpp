#include "runner/upkeep.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/files.h"
#include "base/log.h"
#include "logs/reader.h"
#include "logs/writer.h"
#include "store/artifacts.h"
#include "store/attempts.h"
#include "store/audit.h"
#include "store/backfills.h"
#include "store/credits.h"
#include "store/deletions.h"
#include "store/replies.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/states.h"

namespace cupola::runner {
namespace {

constexpr int rows_a_step = 500;
constexpr std::chrono::milliseconds replies_kept = 24h;

/// Compresses the logs of runs that ended while they waited for an attempt.
void close_open_logs(db::Database& database, const Home& home) {
  for (;;) {
    const auto open =
        database.read([](db::Session& db) { return store::list_open_logs(db, rows_a_step); });
    std::size_t closed = 0;
    for (const RunId& run : open) {
      std::int64_t lines = 0;
      if (const auto reader = logs::Reader::open(home.log(run))) {
        lines = static_cast<std::int64_t>(reader->lines());
        try {
          logs::compress(home.log(run));
        } catch (const Failure& failure) {
          log_warning("run {}: its log stays uncompressed: {}", run.text(), failure.what());
          continue;
        }
      }
      database.write([&](db::Session& db) { store::close_log(db, run, lines); });
      ++closed;
    }
    if (open.size() < rows_a_step || closed == 0) return;
  }
}

/// The files first: without its row a run's folder would be nobody's.
void remove_old_artifacts(db::Database& database, const Home& home, Instant before) {
  for (;;) {
    const auto old = database.read([&](db::Session& db) {
      return store::list_runs_with_old_artifacts(db, before, rows_a_step);
    });
    if (old.empty()) return;
    for (const RunId& run : old) {
      if (!remove_tree(home.artifacts(run)))
        log_warning("run {}: artifacts could not be removed whole", run.text());
    }
    database.write([&](db::Session& db) {
      for (const RunId& run : old) store::forget_artifacts(db, run);
    });
  }
}

}  // namespace

Removed clean_up(db::Database& database, const Home& home, const Retention& retention,
                 Instant now) {
  Removed removed;
  close_open_logs(database, home);
  for (;;) {
    const auto old = database.read([&](db::Session& db) {
      return store::list_runs_with_old_logs(db, now - std::min(retention.logs, retention.runs),
                                            rows_a_step);
    });
    for (const RunId& run : old) {
      logs::remove(home.log(run));
      crash_point("upkeep.log_removed");
    }
    if (!old.empty()) {
      database.write([&](db::Session& db) {
        for (const RunId& run : old) store::forget_log(db, run);
      });
      crash_point("upkeep.logs_forgotten");
    }
    removed.logs += static_cast<std::int64_t>(old.size());
    if (old.size() < rows_a_step) break;
  }
  remove_old_artifacts(database, home, now - retention.runs);
  for (;;) {
    const auto gone = database.write([&](db::Session& db) {
      return store::delete_old_runs(db, now - retention.runs, rows_a_step);
    });
    crash_point("upkeep.runs_deleted");
    removed.runs += static_cast<std::int64_t>(gone.size());
    if (gone.size() < rows_a_step) break;
  }
  while (database.write([&](db::Session& db) {
    return store::delete_old_fires(db, now - retention.runs, rows_a_step);
  }) == rows_a_step) {
  }
  while (database.write([&](db::Session& db) {
    return store::delete_old_backfills(db, now - retention.runs, rows_a_step);
  }) == rows_a_step) {
  }
  database.write([&](db::Session& db) {
    store::drop_silent_notifications(db);
    store::purge_deleted(db, now - retention.runs);
  });
  removed.state_versions = database.write(
      [&](db::Session& db) { return store::trim_states(db, retention.state_versions); });
  crash_point("upkeep.states_trimmed");
  database.write([&](db::Session& db) { store::delete_old_replies(db, now - replies_kept); });
  database.write([&](db::Session& db) { store::expire_credits(db, now); });
  while (retention.audit) {
    const auto gone = database.write([&](db::Session& db) {
      return store::delete_old_audit(db, now - *retention.audit, rows_a_step);
    });
    removed.audit += gone;
    if (gone < rows_a_step) break;
  }
  return removed;
}

}  // namespace cupola::runner
