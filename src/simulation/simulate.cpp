#include "simulation/simulate.h"

#include <filesystem>
#include <memory>

#include "base/files.h"
#include "base/log.h"
#include "base/temp_folder.h"
#include "simulation/promises.h"
#include "simulation/story.h"
#include "store/vault.h"

namespace cupola::simulation {
namespace {

/// Clocks are changed, a leap day begins, or nothing is special.
Instant start_of(Random& random) {
  static const std::vector<const char*> times = {"2026-03-29T00:40:00Z", "2026-10-25T00:40:00Z",
                                                 "2026-03-08T06:40:00Z", "2026-11-01T05:40:00Z",
                                                 "2026-10-03T15:10:00Z", "2028-02-28T23:50:00Z"};
  const Instant start = *parse_rfc3339(random.pick(times));
  return random.chance(60) ? start : start + random.between(24h, 200 * 24h);
}

/// No secret is sealed here; one serves all seeds.
const store::Vault& any_vault() {
  static const store::Vault vault = [] {
    const auto database = db::Database::open({.url = "sqlite::memory:"});
    return store::Vault::open(TempFolder("cupola-simulation").path() / "key", *database);
  }();
  return vault;
}

constexpr std::chrono::milliseconds stuck_after = 20min;

/// Without faults, until all is done, or for so long without a change that it never will be.
void come_to_rest(World& world, Promises& promises) {
  while (promises.unfinished(world.now()) > 0 && world.now() - promises.last_change() < stuck_after)
    world.pass(10s);
  world.pass(90s);
}

}  // namespace

Outcome simulate(std::uint64_t seed, std::size_t notes) {
  set_log_level(LogLevel::none);
  const auto database = db::Database::open({.url = "sqlite::memory:", .writes_inline = true});
  Random first(seed);
  World world(first.next(), start_of(first), notes);
  Shared shared{.world = world, .database = *database, .vault = any_vault()};
  std::vector<std::unique_ptr<Server>> servers;
  Outcome outcome{.seed = seed};
  Promises promises(shared, servers);
  shared.about_to_run = [&](const Process& process, const Server& home) {
    promises.check_start(process, home);
  };
  world.check = [&] { promises.check(); };
  Story story(shared, servers);
  try {
    story.begin();
    world.pass(world.random.between(3min, 15min));
    story.heal();
    world.pass(40s);
    promises.check_schedules();
    story.switch_off();
    come_to_rest(world, promises);
    promises.check_end();
  } catch (const Broken& broken) {
    outcome.broken = broken.what;
  }
  outcome.steps = world.steps();
  outcome.hash = world.hash();
  outcome.runs = promises.runs();
  outcome.fires = promises.fires;
  outcome.last_notes.assign(world.last_notes().begin(), world.last_notes().end());
  return outcome;
}

}  // namespace cupola::simulation
