#include "seed.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "auth/token.h"
#include "base/clock.h"
#include "base/files.h"
#include "deploy/environments.h"
#include "store/organizations.h"
#include "store/projects.h"
#include "store/release_content.h"
#include "store/runs.h"
#include "store/tokens.h"

namespace cupola::bench {
namespace {

constexpr const char* environment_key = "fake-meltano";
constexpr int batch = 10'000;
constexpr std::chrono::milliseconds half_a_day = 12h;

/// Fires once a day, half a day from now.
std::string far_interval(Instant now) {
  const auto time = std::chrono::hh_mm_ss(now + half_a_day -
                                          std::chrono::floor<std::chrono::days>(now + half_a_day));
  return fmt::format("{} {} * * *", time.minutes().count(), time.hours().count());
}

store::ReleaseContent content_with(int schedules, Instant now) {
  store::ReleaseContent content{.commit = std::string(40, 'a'),
                                .directory = ".",
                                .environment = "prod",
                                .meltano_version = "4.4.1",
                                .meltano_environment = environment_key};
  for (const char* job : {"load", "wait"}) {
    content.jobs.push_back({.name = job, .tasks = {"tap-a target-b"}, .state_ids = {}});
  }
  for (int i = 0; i < schedules; ++i) {
    const std::string words = fmt::format("tap-{0} target-{0}", i);
    content.schedules.push_back({.settings = {.name = fmt::format("schedule-{}", i),
                                              .interval = far_interval(now),
                                              .state_ids = {}},
                                 .command = {"run", words},
                                 .env = {},
                                 .job = ""});
  }
  return content;
}

Place add_deployment(const Home& home, db::Session& db, const store::Project& project, int number,
                     const store::ReleaseContent& plain, Instant now) {
  auto deployment =
      store::create_deployment(db, project.organization, project.key,
                               fmt::format("deployment-{}", number), "prod", "main", now);
  if (!deployment) throw Failure(to_text(deployment.error()));
  store::ReleaseContent content = plain;
  std::vector<store::ReleasedSchedule> released;
  int of_this = 0;
  for (auto& schedule : content.schedules) {
    // State ids belong to the project, so no two deployments share one.
    schedule.settings.state_ids = {fmt::format("prod-{}:tap-{}-to-target", number, of_this++)};
    released.push_back(schedule.settings);
  }
  const auto release = store::queue_release(db, *deployment, {}, now);
  store::claim_release(db, "seed", now, 1min);
  const auto switched = store::switch_over(db,
                                           {.release = release.key,
                                            .worker = "seed",
                                            .commit = content.commit,
                                            .content = store::to_json_text(content),
                                            .lock = R"({"version": 1, "entries": []})",
                                            .plan = "{}"},
                                           now);
  if (!switched) throw Failure(to_text(switched.error()));
  make_folder(home.checkout(release.key));
  write_file(home.checkout(release.key) / "meltano.yml", "version: 1\n");
  return {*deployment,
          store::replace_schedules(
              db, deployment->key, released, [] { return std::chrono::minutes{0}; }, now)};
}

void install_fake_meltano(const Home& home) {
  const auto environment = home.environments() / environment_key;
  make_folder(home.environments(), 0755);
  make_folder(environment / "bin", 0755);
  std::filesystem::copy_file(CUPOLA_FAKE_MELTANO, environment / "bin" / "meltano");
  write_file(environment / deploy::manifest_name,
             fmt::format(R"({{"base": "{}"}})", environments_inside));
}

void set_fire(db::Session& db, const store::Schedule& schedule,
              const std::optional<Instant>& was_due, Instant at) {
  if (!store::set_next_fire(db, schedule.key, was_due, at, at, SystemClock().now())) {
    throw Failure("The next fire of " + schedule.name + " could not be set.");
  }
}

}  // namespace

Seeded seed(const Home& home, db::Database& database, const Shape& shape) {
  const Instant now = SystemClock().now();
  install_fake_meltano(home);
  Seeded seeded{.token = auth::new_token(), .places = {}};
  const auto project = database.write([&](db::Session& db) {
    const auto organization = store::create_organization(db, "Bench", now);
    if (!organization) throw Failure(to_text(organization.error()));
    const auto user =
        store::create_user(db, "bench", organization->key, store::Role::owner, std::nullopt, now);
    const auto kept = store::create_token(db,
                                          {.organization = organization->key,
                                           .user = user->key,
                                           .name = "bench",
                                           .hash = auth::token_hash(seeded.token.reveal())},
                                          now);
    if (!kept) throw Failure(to_text(kept.error()));
    return *store::create_project(db, organization->key, "Shop", "https://git.example/shop", ".",
                                  now);
  });
  const store::ReleaseContent content = content_with(shape.schedules_each, now);
  constexpr int at_once = 100;
  for (int done = 0; done < shape.deployments; done += at_once) {
    database.write([&](db::Session& db) {
      for (int i = done; i < std::min(shape.deployments, done + at_once); ++i) {
        seeded.places.push_back(add_deployment(home, db, project, i, content, now));
      }
    });
  }
  return seeded;
}

void enable_all(db::Database& database, const std::vector<Place>& places) {
  const Instant now = SystemClock().now();
  const Instant far = std::chrono::ceil<std::chrono::minutes>(now + half_a_day);
  database.write([&](db::Session& db) {
    for (const Place& place : places) {
      for (const store::Schedule& schedule : place.schedules) {
        store::set_enabled(db, schedule.key, true, now);
        set_fire(db, schedule, std::nullopt, far);
      }
    }
  });
}

void make_due(db::Database& database, const std::vector<Place>& places, int count, Instant first,
              std::chrono::milliseconds every) {
  database.write([&](db::Session& db) {
    for (int i = 0; i < count; ++i) {
      const auto& key = places.at(static_cast<std::size_t>(i)).schedules.front().key;
      const store::Schedule schedule = store::find_schedule(db, key).value();
      set_fire(db, schedule, schedule.due_at, first + every * i);
    }
  });
}

void add_history(db::Database& database, const std::vector<Place>& places, int count) {
  const Instant start = SystemClock().now() - 365 * 24h;
  for (int done = 0; done < count; done += batch) {
    database.write([&](db::Session& db) {
      for (int i = done; i < std::min(count, done + batch); ++i) {
        const Place& place = places[static_cast<std::size_t>(i) % places.size()];
        const store::Schedule& schedule =
            place.schedules[static_cast<std::size_t>(i) / places.size() % place.schedules.size()];
        const Instant at = start + i * std::chrono::milliseconds{30000};
        const store::NewRun run{.id = new_id<RunId>(),
                                .organization = place.deployment.organization,
                                .project = place.deployment.project,
                                .deployment = place.deployment.key,
                                .schedule = schedule.key,
                                .schedule_name = schedule.name,
                                .trigger = store::Trigger::schedule,
                                .scheduled_at = at,
                                .due_at = at,
                                .state_ids = schedule.state_ids};
        store::add_run(db, run, at);
        store::end_queued_run(db, run.id, store::RunStatus::failed,
                              "The extractor ended with code 1.", std::nullopt, at + 30s);
      }
    });
  }
}

}  // namespace cupola::bench
