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
#include "store/notification_events.h"
#include "store/organizations.h"
#include "store/replies.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/states.h"

namespace cupola::runner {
namespace {

constexpr int rows_a_step = 500;
constexpr int events_a_step = 200;  // each with its messages and attempts
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

/// Calls `step`, which gives how many it removed, until that is fewer than `most`.
template <typename F>
std::int64_t remove_in_steps(int most, F step) {
  std::int64_t removed = 0;
  for (;;) {
    const std::int64_t gone = step();
    removed += gone;
    if (gone < most) return removed;
  }
}

class OrganizationsUpkeep {
 public:
  OrganizationsUpkeep(db::Database& database, const Home& home, OrganizationKey organization,
                      const store::Retention& kept, Instant now)
      : database_(database),
        home_(home),
        organization_(std::move(organization)),
        kept_(kept),
        now_(now) {}

  Removed work() {
    Removed removed;
    removed.logs = remove_in_steps(rows_a_step, [&] { return remove_logs(); });
    remove_in_steps(rows_a_step, [&] { return remove_artifacts(); });
    removed.runs = delete_in_steps([&](db::Session& db) {
      const auto gone = store::delete_old_runs(db, organization_, now_ - kept_.runs, rows_a_step);
      return static_cast<std::int64_t>(gone.size());
    });
    crash_point("upkeep.runs_deleted");
    delete_in_steps([&](db::Session& db) {
      return store::delete_old_fires(db, organization_, now_ - kept_.runs, rows_a_step);
    });
    delete_in_steps([&](db::Session& db) {
      return store::delete_old_backfills(db, organization_, now_ - kept_.runs, rows_a_step);
    });
    database_.write(
        [&](db::Session& db) { store::purge_deleted(db, organization_, now_ - kept_.runs); });
    removed.state_versions = delete_in_steps([&](db::Session& db) {
      return store::trim_states(db, organization_, kept_.state_versions, rows_a_step);
    });
    crash_point("upkeep.states_trimmed");
    removed.deliveries = delete_in_steps(
        [&](db::Session& db) {
          return store::delete_old_events(db, organization_, now_ - kept_.deliveries,
                                          events_a_step);
        },
        events_a_step);
    if (kept_.audit) {
      removed.audit = delete_in_steps([&](db::Session& db) {
        return store::delete_old_audit(db, organization_, now_ - *kept_.audit, rows_a_step);
      });
    }
    return removed;
  }

 private:
  template <typename F>
  std::int64_t delete_in_steps(F one_step, int most = rows_a_step) {
    return remove_in_steps(most, [&] { return database_.write(one_step); });
  }

  /// The files first: without its row a run's folder would be nobody's.
  std::int64_t remove_artifacts() {
    const auto old = database_.read([&](db::Session& db) {
      return store::list_runs_with_old_artifacts(db, organization_, now_ - kept_.runs, rows_a_step);
    });
    for (const RunId& run : old) {
      if (!remove_tree(home_.artifacts(run)))
        log_warning("run {}: artifacts could not be removed whole", run.text());
    }
    if (!old.empty()) {
      database_.write([&](db::Session& db) {
        for (const RunId& run : old) store::forget_artifacts(db, run);
      });
    }
    return static_cast<std::int64_t>(old.size());
  }

  std::int64_t remove_logs() {
    const auto old = database_.read([&](db::Session& db) {
      return store::list_runs_with_old_logs(db, organization_,
                                            now_ - std::min(kept_.logs, kept_.runs), rows_a_step);
    });
    for (const RunId& run : old) {
      logs::remove(home_.log(run));
      crash_point("upkeep.log_removed");
    }
    if (!old.empty()) {
      database_.write([&](db::Session& db) {
        for (const RunId& run : old) store::forget_log(db, run);
      });
      crash_point("upkeep.logs_forgotten");
    }
    return static_cast<std::int64_t>(old.size());
  }

  db::Database& database_;
  const Home& home_;
  const OrganizationKey organization_;
  const store::Retention& kept_;
  const Instant now_;
};

}  // namespace

Removed clean_up(db::Database& database, const Home& home, const store::Retention& defaults,
                 Instant now) {
  close_open_logs(database, home);
  database.write([&](db::Session& db) {
    store::delete_old_replies(db, now - replies_kept);
    store::expire_credits(db, now);
    store::drop_silent_notifications(db);
  });
  Removed removed;
  for (const OrganizationKey& organization : database.read(store::list_organizations)) {
    const auto choice = database.read(
        [&](db::Session& db) { return store::retention_choice_of(db, organization); });
    const store::Retention kept = store::with_choice(defaults, choice);
    const Removed gone = OrganizationsUpkeep(database, home, organization, kept, now).work();
    removed.logs += gone.logs;
    removed.runs += gone.runs;
    removed.state_versions += gone.state_versions;
    removed.deliveries += gone.deliveries;
    removed.audit += gone.audit;
  }
  return removed;
}

}  // namespace cupola::runner
