// What the store bears: durable writes, runs through the queue, lists of a long history.
//
//   store_bench [--runs N] [--stored N]
//
// SQLite works in a new folder in the current one; PostgreSQL, where CUPOLA_TEST_POSTGRES names
// one, in a schema of its own. Both go again. Every figure is one line.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/database.h"
#include "store/runs.h"
#include "store/usage.h"
#include "testing/databases.h"
#include "testing/tenant.h"

namespace cupola {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

double thread_cpu_seconds() {
  struct ::timespec time {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();
}

/// Durable writes of one row each, from several threads at once.
void bench_writes(db::Database& database, const char* name) {
  constexpr int threads = 8;
  constexpr auto span = std::chrono::seconds{3};
  std::atomic<std::int64_t> written = 0;
  const auto start = Steady::now();
  in_threads(threads, [&](int thread) {
    for (std::int64_t i = 0; Steady::now() - start < span; ++i) {
      database.write([&](db::Session& db) {
        db.execute("INSERT INTO settings (name, value) VALUES (:name, :value)",
                   {{"name", fmt::format("{}-{}", thread, i)}, {"value", "x"}});
      });
      ++written;
    }
  });
  fmt::print("{:<10} durable writes, {} threads: {:.0f}/s\n", name, threads,
             static_cast<double>(written) / seconds_since(start));
}

/// Runs that do nothing, through all their states; each transition is durable when its call is
/// back. `adders` queue, one thread claims, `finishers` mark and finish, as a server does for many
/// runs at once.
void bench_runs(db::Database& database, const char* name, int runs, bool with_state) {
  constexpr int adders = 8;
  constexpr int finishers = 24;
  const SystemClock clock;
  const auto tenant = database.write([&](db::Session& db) {
    auto added = testing::add_tenant(db, with_state ? "with-state" : "plain", clock.now());
    testing::add_live_release(db, added, {}, clock.now());
    return added;
  });

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<store::Run> claimed;
  std::atomic<int> finished = 0;
  bool all_claimed = false;
  const auto start = Steady::now();

  std::thread claimer([&] {
    for (int count = 0; count < runs;) {
      auto got = database.write(
          [&](db::Session& db) { return store::claim_runs(db, "bench", 100, clock.now()); });
      if (got.empty()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      count += static_cast<int>(got.size());
      const std::scoped_lock lock(mutex);
      for (auto& run : got) claimed.push_back(std::move(run));
      changed.notify_all();
    }
    const std::scoped_lock lock(mutex);
    all_claimed = true;
    changed.notify_all();
  });
  std::thread finishing([&] {
    in_threads(finishers, [&](int) {
      for (;;) {
        store::Run run;
        {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return all_claimed || !claimed.empty(); });
          if (claimed.empty()) return;
          run = std::move(claimed.back());
          claimed.pop_back();
        }
        const store::Lease lease{run.id, run.lease_token};
        database.write(
            [&](db::Session& db) { store::mark_running(db, lease, "none", clock.now()); });
        database.write([&](db::Session& db) {
          std::vector<store::CapturedState> states;
          if (with_state) states.push_back({run.state_ids.front(), R"({"completed":{"a":1}})"});
          store::finish_run(db, lease,
                            {.status = store::RunStatus::succeeded,
                             .exit_code = 0,
                             .run_time = std::chrono::seconds{1}},
                            states, clock.now());
        });
        ++finished;
      }
    });
  });
  in_threads(adders, [&](int adder) {
    for (int i = adder; i < runs; i += adders) {
      auto run = testing::new_run(tenant, clock.now());
      if (with_state) run.state_ids = {fmt::format("state-{}", i)};
      database.write([&](db::Session& db) { store::add_run(db, run, clock.now()); });
    }
  });
  claimer.join();
  finishing.join();
  fmt::print("{:<10} no-op runs{} (queued, starting, running, final): {:.0f}/s of {}\n", name,
             with_state ? " with a state each" : "", finished / seconds_since(start), runs);
}

/// A history of `count` runs: 20 tenants with 10 schedules each, one run in 50 failed.
std::vector<testing::Tenant> fill(db::Database& database, int count) {
  const Instant start = parse_rfc3339("2026-01-01").value();
  std::vector<testing::Tenant> tenants;
  database.write([&](db::Session& db) {
    std::vector<store::ReleasedSchedule> schedules;
    for (int i = 0; i < 10; ++i) {
      schedules.push_back({.name = fmt::format("schedule-{}", i), .interval = "@hourly"});
    }
    for (int i = 0; i < 20; ++i) {
      tenants.push_back(testing::add_tenant(db, fmt::format("tenant-{}", i), start));
      testing::add_live_release(db, tenants.back(), schedules, start);
    }
  });
  constexpr int batch = 20'000;
  for (int first = 0; first < count; first += batch) {
    database.write([&](db::Session& db) {
      for (int i = first; i < std::min(first + batch, count); ++i) {
        const auto& tenant = tenants[static_cast<std::size_t>(i) % tenants.size()];
        const Instant at = start + std::chrono::seconds{i};
        auto run = testing::new_run(tenant, at);
        run.schedule_name = fmt::format("schedule-{}", i / 20 % 10);
        store::add_run(db, run, at);
        const bool failed = i % 1000 == 0;
        db.execute(
            "UPDATE runs SET status = :status, started_at = :at, ended_at = :at,"
            " exit_code = :code, log_kept = 1 WHERE id = :id",
            {{"status", failed ? "failed" : "succeeded"},
             {"at", at},
             {"code", failed ? 1 : 0},
             {"id", run.id}});
      }
    });
  }
  return tenants;
}

void bench_list(db::Database& database, const char* name, const char* what,
                const OrganizationKey& organization, const store::RunFilter& filter) {
  constexpr int rounds = 2'000;
  std::size_t listed = 0;
  const double cpu = thread_cpu_seconds();
  const auto start = Steady::now();
  for (int i = 0; i < rounds; ++i) {
    listed +=
        database
            .read([&](db::Session& db) { return store::list_runs(db, organization, filter, 25); })
            .runs.size();
  }
  fmt::print("{:<10} list of {:.0f} runs, {}: {:.1f} us, {:.1f} us of CPU here\n", name,
             static_cast<double>(listed) / rounds, what, seconds_since(start) / rounds * 1e6,
             (thread_cpu_seconds() - cpu) / rounds * 1e6);
}

void bench_history(db::Database& database, const char* name, int stored) {
  const auto start = Steady::now();
  const auto tenants = fill(database, stored);
  fmt::print("{:<10} {} runs stored in {:.0f} s\n", name, stored, seconds_since(start));
  const auto& [organization, project, deployment] = tenants.front();
  bench_list(database, name, "newest", organization.key, {});
  bench_list(database, name, "of a deployment", organization.key, {.deployment = deployment.key});
  bench_list(database, name, "failed", organization.key, {.status = store::RunStatus::failed});
  bench_list(database, name, "of a schedule by name", organization.key,
             {.schedule_name = "schedule-3"});
  const auto middle = database.read([&](db::Session& db) {
    return store::list_runs(
        db, organization.key,
        {.until = parse_rfc3339("2026-01-01").value() + std::chrono::seconds{stored / 2}}, 25);
  });
  bench_list(database, name, "from the middle", organization.key, {.before = middle.next});
}

/// Credits of `count` runs in a year: 20 deployments with 10 schedules each, of one organization.
void bench_usage(db::Database& database, const char* name, int count) {
  const Instant start = parse_rfc3339("2026-01-01").value();
  const auto organization = database.write(
      [&](db::Session& db) { return testing::add_tenant(db, "used", start).organization.key; });
  double seconds = 0;
  constexpr int batch = 20'000;
  for (int first = 0; first < count; first += batch) {
    database.write([&](db::Session& db) {
      for (int i = first; i < std::min(first + batch, count); ++i) {
        db.execute(R"sql(
            INSERT INTO run_costs (run_id, organization_key, project_key, deployment_key,
              schedule_name, project_name, deployment_name, day, ended_at, credits_base,
              credits_run_time, credits_egress, run_time, egress_bytes)
            VALUES (:id, :organization, 'project', :deployment, :schedule, 'shop', :deployment,
              :day, :at, 100, 10, NULL, 650000, NULL))sql",
                   {{"id", new_uuid7()},
                    {"organization", organization},
                    {"deployment", fmt::format("deployment-{}", i % 20)},
                    {"schedule", fmt::format("schedule-{}", i / 20 % 10)},
                    {"day", 20454 + static_cast<std::int64_t>(i) * 365 / count},
                    {"at", start}});
      }
    });
    const auto begin = Steady::now();
    database.write([&](db::Session& db) { store::settle_usage(db, batch, start); });
    seconds += seconds_since(begin);
  }
  fmt::print("{:<10} {} runs' costs summed up: {:.0f}/s\n", name, count, count / seconds);
  const auto list = [&](const char* what, store::UsageBy by, std::chrono::days days) {
    constexpr int rounds = 20;
    std::size_t rows = 0;
    const credits::Day from = credits::day_of(start);
    const auto begin = Steady::now();
    for (int i = 0; i < rounds; ++i) {
      rows = database
                 .read([&](db::Session& db) {
                   return store::list_usage(db, organization, {.from = from, .until = from + days},
                                            by);
                 })
                 .size();
    }
    fmt::print("{:<10} usage of {}, {} rows: {:.1f} ms\n", name, what, rows,
               seconds_since(begin) / rounds * 1e3);
  };
  list("a month by schedule", store::UsageBy::schedule, std::chrono::days{31});
  list("a year by schedule", store::UsageBy::schedule, std::chrono::days{365});
  list("a year by month", store::UsageBy::month, std::chrono::days{365});
}

}  // namespace
}  // namespace cupola

int main(int argc, char** argv) {
  using namespace cupola;
  CLI::App app("What the store bears");
  int runs = 20'000;
  int stored = 1'000'000;
  app.add_option("--runs", runs, "no-op runs to take through the queue");
  app.add_option("--stored", stored, "runs of the history (0: leave it out)");
  CLI11_PARSE(app, argc, argv);

  const std::filesystem::path folder = "store-bench-" + random_hex(4);
  make_folder(folder);
  {
    const auto sqlite = db::Database::open({.url = "sqlite:" + (folder / "cupola.db").string()});
    bench_writes(*sqlite, "SQLite");
    bench_runs(*sqlite, "SQLite", runs, false);
    bench_runs(*sqlite, "SQLite", runs, true);
    if (stored > 0) bench_history(*sqlite, "SQLite", stored);
    if (stored > 0) bench_usage(*sqlite, "SQLite", stored);
  }
  remove_tree(folder);
  if (cupola::testing::DatabasePlace::is_there(cupola::testing::DatabaseKind::postgres)) {
    const cupola::testing::DatabasePlace place(cupola::testing::DatabaseKind::postgres);
    const auto server = db::Database::open({.url = place.url()});
    bench_writes(*server, "PostgreSQL");
    bench_runs(*server, "PostgreSQL", runs, false);
    bench_runs(*server, "PostgreSQL", runs, true);
    if (stored > 0) bench_usage(*server, "PostgreSQL", stored);
  }
  return 0;
}
