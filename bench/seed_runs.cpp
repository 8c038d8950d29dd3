// seed_runs HOME COUNT: makes a home folder whose database holds COUNT runs of one organization (a
// project with three deployments of ten schedules each), and prints a token that may list them.

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "auth/token.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/home.h"
#include "db/database.h"
#include "store/deployments.h"
#include "store/organizations.h"
#include "store/projects.h"
#include "store/runs.h"
#include "store/schedules.h"
#include "store/vault.h"

namespace cupola {
namespace {

constexpr int batch = 10000;

store::ReleasedSchedule schedule_numbered(int number) {
  return {.name = fmt::format("schedule-{}", number),
          .interval = "0 * * * *",
          .timezone = "UTC",
          .state_ids = {fmt::format("prod:tap-{0}-to-target-{0}", number)}};
}

struct Place {
  store::Deployment deployment;
  std::vector<store::Schedule> schedules;
};

Place add_deployment(db::Session& db, const OrganizationKey& organization,
                     const ProjectKey& project, int number, Instant now) {
  const auto deployment = store::create_deployment(
      db, organization, project, fmt::format("deployment-{}", number), "prod", "main", now);
  std::vector<store::ReleasedSchedule> released;
  for (int i = 0; i < 10; ++i) released.push_back(schedule_numbered(i));
  return {*deployment,
          store::replace_schedules(
              db, deployment->key, released, [] { return std::chrono::minutes{0}; }, now)};
}

void add_run(db::Session& db, const Place& place, int number, Instant now) {
  const store::Schedule& schedule =
      place.schedules[static_cast<std::size_t>(number) % place.schedules.size()];
  const store::NewRun run{.id = new_id<RunId>(),
                          .organization = place.deployment.organization,
                          .project = place.deployment.project,
                          .deployment = place.deployment.key,
                          .schedule = schedule.key,
                          .schedule_name = schedule.name,
                          .trigger = store::Trigger::schedule,
                          .scheduled_at = now,
                          .due_at = now,
                          .state_ids = schedule.state_ids};
  store::add_run(db, run, now);
  store::end_queued_run(db, run.id, store::RunStatus::failed, "The extractor ended with code 1.",
                        std::nullopt, now + std::chrono::seconds{30});
}

void seed(const Home& home, int count) {
  make_folder(home.root());
  const auto database = db::Database::open({.url = "sqlite:" + home.database().string()});
  const store::Vault vault = store::Vault::open(home.key(), *database);
  const Instant start = SystemClock().now() - std::chrono::hours{24 * 365};
  const Secret token = auth::new_token();
  const std::vector<Place> places = database->write([&](db::Session& db) {
    const auto organization = store::create_organization(db, "Bench", start);
    const auto user = store::create_user(db, "bench", organization->key, store::Role::viewer,
                                         std::nullopt, start);
    const auto kept = store::create_token(db, organization->key, user->key, "bench",
                                          auth::token_hash(token.reveal()), std::nullopt, start);
    if (!kept) throw Failure(to_text(kept.error()));
    const auto project = store::create_project(db, organization->key, "Shop",
                                               "https://git.example/shop", ".", start);
    std::vector<Place> made;
    for (int i = 0; i < 3; ++i) {
      made.push_back(add_deployment(db, organization->key, project->key, i, start));
    }
    return made;
  });
  for (int done = 0; done < count; done += batch) {
    database->write([&](db::Session& db) {
      for (int i = done; i < std::min(count, done + batch); ++i) {
        add_run(db, places[static_cast<std::size_t>(i) % places.size()], i / 3,
                start + i * std::chrono::milliseconds{30000});
      }
    });
  }
  // One that still waits, to be followed.
  database->write([&](db::Session& db) {
    store::add_run(db,
                   {.id = new_id<RunId>(),
                    .organization = places[0].deployment.organization,
                    .project = places[0].deployment.project,
                    .deployment = places[0].deployment.key,
                    .tasks = {"tap-0", "target-0"},
                    .due_at = start,
                    .state_ids = {}},
                   SystemClock().now());
  });
  fmt::print("{}\n", token.reveal());
}

}  // namespace
}  // namespace cupola

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: seed_runs HOME COUNT\n", stderr);
    return 2;
  }
  try {
    cupola::seed(cupola::Home(argv[1]), std::atoi(argv[2]));
    return 0;
  } catch (const std::exception& exception) {
    fmt::print(stderr, "seed_runs: {}\n", exception.what());
    return 1;
  }
}
