#pragma once

/// What tests of the scheduler begin with.

#include <string>
#include <vector>

#include "scheduler/enqueue.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "testing/databases.h"
#include "testing/fake_clock.h"
#include "testing/tenant.h"

namespace cupola::scheduler {

/// One step at a time that stands still.
inline Enqueued enqueue_due_runs(db::Database& database, Instant now) {
  const cupola::testing::FakeClock clock(now);
  return enqueue_due_runs(database, clock);
}

inline const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

/// A tenant, and schedules of its deployment.
class EnqueueFixture : public cupola::testing::EachDatabase {
 protected:
  void SetUp() override {
    EachDatabase::SetUp();
    if (IsSkipped()) return;
    tenant_ = db->write([](db::Session& session) {
      return cupola::testing::add_tenant(session, "acme", noon - 1h);
    });
  }

  /// Deploys one schedule at noon - 30 min and, if asked, switches it on at noon - 20 min.
  store::Schedule deploy(const std::string& interval, bool enabled = true,
                         store::Overlap overlap = store::Overlap::queue_one,
                         store::Missed missed = store::Missed::latest) {
    return db->write([&](db::Session& session) {
      cupola::testing::add_live_release(session, tenant_,
                                        {{.name = "load",
                                          .interval = interval,
                                          .given = {.overlap = overlap, .missed = missed},
                                          .state_ids = {"prod:tap-to-target"}}},
                                        noon - 30min);
      auto schedule =
          *store::find_schedule(session, tenant_.organization.key, tenant_.deployment.key, "load");
      if (enabled) store::set_enabled(session, schedule.key, true, noon - 20min);
      return schedule;
    });
  }

  std::vector<store::Run> unfinished(const store::Schedule& schedule) {
    return db->read(
        [&](db::Session& session) { return store::list_unfinished_runs(session, schedule.key); });
  }
  /// Newest first.
  std::vector<store::Fire> fires(const store::Schedule& schedule, int limit = 100) {
    return db->read(
        [&](db::Session& session) { return store::list_fires(session, schedule.key, limit); });
  }
  store::Run run(const RunId& id) {
    return *db->read([&](db::Session& session) { return store::find_run(session, id); });
  }
  /// Steps until nothing is left to do at `now`; what all of them did together.
  Enqueued enqueue_all(Instant now) {
    Enqueued all;
    for (bool more = true; more;) {
      const Enqueued step = enqueue_due_runs(*db, now);
      all.runs += step.runs;
      all.missed += step.missed;
      all.skipped += step.skipped;
      all.next_due = step.next_due;
      more = step.more;
    }
    return all;
  }

  cupola::testing::Tenant tenant_;
};
}  // namespace cupola::scheduler
