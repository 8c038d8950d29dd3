// What a long downtime costs: ten thousand schedules whose fires of a month were all missed.
//
//   downtime_bench [--schedules N] [--days N]
//
// A third of the schedules each with the policies latest, skip and all; a tenth of them every
// minute or five, the others from four times an hour to once a month, in twelve zones, with
// offsets. On SQLite in a new folder, and on PostgreSQL where CUPOLA_TEST_POSTGRES names one. The
// scheduler's steps run one after the other until nothing is due. Every fire is counted beside
// `cron::count_fires`: a figure is only printed when each is on record.

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "cron/fires.h"
#include "db/database.h"
#include "scheduler/enqueue.h"
#include "store/schedules.h"
#include "testing/databases.h"
#include "testing/fake_clock.h"
#include "testing/tenant.h"

namespace cupola {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::array intervals = {"* * * * *",    "*/15 * * * *", "7 * * * *",   "30 2 * * *",
                                  "0 */6 * * *",  "15 9 * * 1-5", "45 23 * * 0", "@daily",
                                  "0 6,18 * * *", "*/5 * * * *",  "@monthly",    "20 4 * * *",
                                  "10 */2 * * *", "@hourly",      "0 12 1 * *",  "59 * * * *",
                                  "5 5 * * *",    "25 */4 * * *", "@weekly",     "40 1 * * *"};
constexpr std::array zones = {"UTC",           "Europe/Berlin",    "America/New_York",
                              "Asia/Kolkata",  "Australia/Sydney", "America/Sao_Paulo",
                              "Asia/Tokyo",    "Africa/Cairo",     "Pacific/Auckland",
                              "Europe/London", "America/Santiago", "Asia/Kathmandu"};
constexpr std::array policies = {store::Missed::latest, store::Missed::skip, store::Missed::all};

std::vector<store::ReleasedSchedule> released(int count) {
  std::vector<store::ReleasedSchedule> schedules;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    schedules.push_back({.name = fmt::format("load-{}", i),
                         .interval = intervals[at % intervals.size()],
                         .given = {.timezone = zones[at / intervals.size() % zones.size()],
                                   .overlap = store::Overlap::allow,
                                   .missed = policies[at % policies.size()]}});
  }
  return schedules;
}

std::int64_t fires_between(const store::Schedule& schedule, Instant after, Instant until) {
  const cron::Timing timing{.expression = *cron::Expression::parse(schedule.interval),
                            .zone = *cron::Zone::find(schedule.timezone),
                            .offset = schedule.offset};
  return cron::count_fires(timing, after, until);
}

double seconds(Steady::duration span) {
  return std::chrono::duration<double>(span).count();
}

/// False when a fire is not on record, or twice.
bool measure(const char* name, db::Database& database, int count, int days) {
  const Instant gone = *parse_rfc3339("2026-10-10T12:00:00Z");
  const Instant back = gone + std::chrono::hours{24 * days};
  std::vector<store::Schedule> schedules;
  database.write([&](db::Session& db) {
    const auto tenant = cupola::testing::add_tenant(db, "acme", gone);
    cupola::testing::add_live_release(db, tenant, {}, gone);
    int drawn = 0;
    schedules = store::replace_schedules(
        db, tenant.deployment.key, released(count),
        [&] { return std::chrono::minutes{drawn++ % 15 - 7}; }, gone);
    for (const auto& schedule : schedules) store::set_enabled(db, schedule.key, true, gone);
  });
  const cupola::testing::FakeClock then(gone), now(back);
  while (scheduler::enqueue_due_runs(database, then).more) {
  }

  int steps = 0;
  std::int64_t runs = 0;
  Steady::duration longest{0};
  const auto start = Steady::now();
  for (bool more = true; more; ++steps) {
    const auto begin = Steady::now();
    const auto step = scheduler::enqueue_due_runs(database, now);
    longest = std::max(longest, Steady::now() - begin);
    runs += step.runs;
    more = step.more;
  }
  const auto took = Steady::now() - start;

  std::int64_t due = 0;
  for (const auto& schedule : schedules) {
    const auto wanted = fires_between(schedule, gone, back);
    const auto told = database.read(
        [&](db::Session& db) { return store::count_fires(db, schedule.key, 1'000'000); });
    const auto recorded = told.run + told.missed + told.skipped_overlap;
    due += wanted;
    if (recorded != wanted) {
      fmt::print(stderr, "{}: {} ({} {}) has {} fires on record, {} were due\n", name,
                 schedule.name, schedule.interval, schedule.timezone, recorded, wanted);
      return false;
    }
  }
  fmt::print(
      "{:<10} {} schedules, {} days: {} fires, {} runs; {:.2f} s in {} steps, longest {:.0f} ms\n",
      name, count, days, due, runs, seconds(took), steps, seconds(longest) * 1000);
  return true;
}

}  // namespace
}  // namespace cupola

int main(int argc, char** argv) {
  using namespace cupola;
  using cupola::testing::DatabaseKind, cupola::testing::DatabasePlace;
  CLI::App app("Works off a long downtime");
  int count = 10'000, days = 30;
  app.add_option("--schedules", count);
  app.add_option("--days", days);
  CLI11_PARSE(app, argc, argv);
  for (const auto& [kind, name] : {std::pair{DatabaseKind::sqlite_file, "sqlite"},
                                   std::pair{DatabaseKind::postgres, "postgresql"}}) {
    if (!DatabasePlace::is_there(kind)) continue;
    const DatabasePlace place(kind);
    const auto database = db::Database::open({.url = place.url()});
    if (!measure(name, *database, count, days)) return 1;
  }
  return 0;
}
