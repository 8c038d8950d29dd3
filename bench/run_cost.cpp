// What a run costs beyond its program: `run_cost HOME [--rounds N] [--resident MIB]`.
//
// Runs a program that ends at once (bench/fake_meltano.cpp) N times through runner and supervisor,
// one after another, in this process, which holds MIB of touched memory; then the same program
// bare. Wall is the time from one run's claim to the next's, so with its end, the compressing of
// its log and the wiping of its folder. CPU is that of this process and all its children.

#include <algorithm>
#include <cstdio>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/files.h"
#include "process/program.h"
#include "runner/runner.h"
#include "seed.h"
#include "store/runs.h"

namespace {

using namespace cupola;
using Steady = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Cost {
  double wall = 0, cpu_here = 0, cpu_children = 0;  // ms
};

double cpu_of(int who) {
  struct rusage usage {};
  ::getrusage(who, &usage);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

template <typename Work>
Cost cost_of_each(int rounds, Work work) {
  const double here = cpu_of(RUSAGE_SELF), children = cpu_of(RUSAGE_CHILDREN);
  const auto start = Steady::now();
  work();
  return {.wall = Milliseconds(Steady::now() - start).count() / rounds,
          .cpu_here = (cpu_of(RUSAGE_SELF) - here) / rounds,
          .cpu_children = (cpu_of(RUSAGE_CHILDREN) - children) / rounds};
}

void hold(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Failure("Cannot have that much memory.");
  ::madvise(memory, size, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < size; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
}

void queue(db::Database& database, const store::Deployment& deployment, int count) {
  const Instant now = SystemClock().now();
  database.write([&](db::Session& db) {
    for (int i = 0; i < count; ++i) {
      store::add_run(db,
                     {.id = new_id<RunId>(),
                      .organization = deployment.organization,
                      .project = deployment.project,
                      .deployment = deployment.key,
                      .tasks = {"load"},
                      .due_at = now,
                      .state_ids = {}},
                     now);
    }
  });
}

/// All that were queued have ended well; the look is rare, so that it costs nothing.
void wait_for_all(db::Database& database, const OrganizationKey& organization) {
  const auto any = [&](store::RunStatus status) {
    return !database
                .read([&](db::Session& db) {
                  return store::list_runs(db, organization, {.status = status}, 1);
                })
                .runs.empty();
  };
  while (any(store::RunStatus::queued) || any(store::RunStatus::starting) ||
         any(store::RunStatus::running)) {
    std::this_thread::sleep_for(20ms);
  }
  if (any(store::RunStatus::failed)) throw Failure("A run failed: see its log.");
}

void measure(const Home& home, int rounds) {
  make_folder(home.root());
  const auto database = db::Database::open({.url = "sqlite:" + home.database().string()});
  const store::Vault vault = store::Vault::open(home.key(), *database);
  const auto seeded = bench::seed(home, *database, {});
  const store::Deployment& deployment = seeded.places.front().deployment;
  const SystemClock clock;
  runner::Runner runner(
      {.database = *database,
       .vault = vault,
       .clock = clock,
       .home = home,
       .ensure_files = [](const store::Release&) { return Result<void>(); }},
      {.worker = "bench", .max_runs = 1, .least_free_disk = 0, .supervisor = CUPOLA_SUPERVISOR});
  const auto run_all = [&](int count) {
    queue(*database, deployment, count);
    runner.wake();
    wait_for_all(*database, deployment.organization);
  };
  runner.start();
  run_all(5);  // what is found out once
  const Cost held = cost_of_each(rounds, [&] { run_all(rounds); });
  runner.stop();
  const Cost bare = cost_of_each(rounds, [&] {
    for (int i = 0; i < rounds; ++i) {
      auto child = process::start({.argv = {CUPOLA_FAKE_MELTANO}}, {.err = -1});
      if (!child) throw Failure(to_text(child.error()));
      child->wait();
    }
  });
  fmt::print(
      "wall_ms {:.2f} cpu_ms {:.2f} (server {:.2f}, supervisor and sandbox {:.2f})"
      " bare_wall_ms {:.2f} bare_cpu_ms {:.2f}\n",
      held.wall - bare.wall, held.cpu_here + held.cpu_children - bare.cpu_here - bare.cpu_children,
      held.cpu_here, held.cpu_children, bare.wall, bare.cpu_here + bare.cpu_children);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What a run costs beyond its program");
  std::string folder;
  int rounds = 200;
  std::size_t resident = 4;
  app.add_option("home", folder, "a folder that is not there yet")->required();
  app.add_option("--rounds", rounds);
  app.add_option("--resident", resident, "MiB");
  CLI11_PARSE(app, argc, argv);
  try {
    hold(resident << 20);
    measure(Home(folder), rounds);
    return 0;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "run_cost: {}\n", failure.what());
    return 1;
  }
}
