#include "app/work.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/loop.h"
#include "deploy/clean_up.h"
#include "notify/notifier.h"
#include "runner/clean_up_time.h"
#include "runner/runner.h"
#include "runner/upkeep.h"
#include "scheduler/enqueue.h"
#include "scheduler/zone_rules.h"
#include "store/topics.h"

namespace cupola::app {
namespace {

constexpr std::chrono::milliseconds longest_sleep = 1s;
/// A scheduler that has not looked for so long does not live.
constexpr std::chrono::milliseconds scheduler_silent = 30s;

/// The supervisor of runs, and what it needs, lie beside this program.
std::filesystem::path supervisor_program() {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const char* name : {"cupola-supervisor", "cupola-launch"}) {
    if (!std::filesystem::exists(folder / name)) {
      throw Failure(
          fmt::format("The program {} is missing. It belongs beside cupola: install both.",
                      (folder / name).string()));
    }
  }
  return folder / "cupola-supervisor";
}

/// What runs get of the server's own environment: the way to the network, and whom to trust there.
std::map<std::string, std::string> network_environment() {
  std::map<std::string, std::string> env;
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy",
                           "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
                           "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    if (const char* value = std::getenv(name); value != nullptr) env[name] = value;
  }
  return env;
}

runner::NetworkOptions network_options(const ServerOptions& options,
                                       std::function<unsigned()> server_port) {
  const auto reaches = [&](std::string_view what) {
    return std::find(options.run_reach.begin(), options.run_reach.end(), what) !=
           options.run_reach.end();
  };
  return {.server_port = std::move(server_port),
          .reach_metadata = reaches("metadata"),
          .reach_server = reaches("server"),
          .reach_loopback = reaches("loopback"),
          .name_servers = options.run_dns};
}

runner::Options runner_options(const ServerOptions& options, const std::string& worker,
                               const db::Database& database,
                               std::function<unsigned()> server_port) {
  runner::Options made{.worker = worker,
                       .limits = options.run_limits,
                       .network = network_options(options, std::move(server_port)),
                       .sandbox = options.sandbox,
                       .first_uid = options.first_run_uid,
                       .grace = options.stop_grace,
                       .lease = options.lease,
                       .shared_database = database.is_postgres(),
                       .log_limit = static_cast<std::uint64_t>(options.log_limit),
                       .least_free_disk = options.least_free_disk / 100,
                       .supervisor = supervisor_program(),
                       .secret_sources = options.secret_sources,
                       .base_env = network_environment()};
  // Without a slot it claims nothing, but sees the runs of servers that are gone, and ends those
  // that it started before it was told to run none.
  if (!options.components.runner) {
    made.max_runs = 0;
    return made;
  }
  made.max_runs = options.max_runs > 0
                      ? options.max_runs
                      : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return made;
}

notify::Options notify_options(const ServerOptions& options, const std::string& worker,
                               std::function<bool()> is_ticking) {
  return {.worker = worker,
          .guard = net::Guard(options.notify.inner_receivers),
          .mail = options.notify.mail,
          .public_url = options.public_url,
          .heartbeat_url = options.notify.heartbeat_url,
          .is_ticking = std::move(is_ticking)};
}

}  // namespace

struct Work::Parts {
  Parts(const Dependencies& given, const ServerOptions& chosen, const std::string& server_id)
      : dependencies(given),
        options(chosen),
        deployer({.database = given.database,
                  .vault = given.vault,
                  .clock = given.clock,
                  .home = given.home},
                 {.worker = server_id,
                  .uv = chosen.uv,
                  .allow_local_repositories = chosen.allow_local_repositories,
                  .sandbox = chosen.sandbox,
                  .limits = {.memory = chosen.build_limits.memory,
                             .processes = chosen.build_limits.processes,
                             .disk = chosen.build_limits.disk},
                  .shortest_interval = chosen.shortest_interval,
                  .secret_sources = chosen.secret_sources,
                  .lease = chosen.lease * 5 / 6},  // and a look after that
                 [this](const store::Release&) { scheduling.wake(); }),
        runner(
            {.database = given.database,
             .vault = given.vault,
             .clock = given.clock,
             .home = given.home,
             .ensure_files =
                 [this](const store::Release& release) { return deployer.ensure_files(release); }},
            runner_options(chosen, server_id, given.database, [this] { return port.load(); })),
        notifier({.database = given.database, .vault = given.vault, .clock = given.clock},
                 notify_options(chosen, server_id, [this] { return is_ticking(); })),
        scheduling("scheduler", [this] { return schedule(); }),
        deploying("deployer",
                  [this] {
                    const auto sleep = deployer.step();
                    if (sleep == 0ms) runner.wake();
                    return sleep;
                  }),
        upkeep("upkeep", [this] { return clean_up(); }) {}

  std::optional<std::chrono::milliseconds> schedule() {
    const Clock& clock = dependencies.clock;
    if (!rules_followed) scheduler::follow_zone_rules(dependencies.database, clock.now());
    rules_followed = true;
    const auto enqueued = scheduler::enqueue_due_runs(dependencies.database, clock);
    scheduled_at = up_time().count();
    if (enqueued.runs > 0) runner.wake();
    if (enqueued.more) return 0ms;
    if (!enqueued.next_due) return longest_sleep;
    return std::clamp<std::chrono::milliseconds>(*enqueued.next_due - clock.now(), 0ms,
                                                 longest_sleep);
  }

  /// Whether the scheduler has looked for what is due a moment ago, and could.
  bool is_ticking() const {
    const auto last = std::chrono::milliseconds(scheduled_at.load());
    return last > 0ms && up_time() - last < scheduler_silent;
  }

  /// The database is for one kind of server to clean up, its own folder for each.
  std::optional<std::chrono::milliseconds> clean_up() {
    db::Database& database = dependencies.database;
    const Clock& clock = dependencies.clock;
    const Home& home = dependencies.home;
    if (!runner::may_clean_up(database, clock.now())) return 1h;
    if (options.components.scheduler) {
      runner::clean_up(database, home, options.kept, clock.now());
    }
    deploy::clean_up(database, home,
                     {.releases = options.keep_releases, .environments = options.keep_environments},
                     clock.now());
    return 1h;
  }

  void on_news(std::string_view topic) {
    const bool any = topic.empty();
    if (any || topic == store::topics::runs) runner.wake();
    if (any || topic == store::topics::releases) deploying.wake();
    if (any || topic == store::topics::schedules) scheduling.wake();
    if (any || topic == store::topics::people) dependencies.forget_people();
    if (any || topic == store::topics::notifications) notifier.wake();
  }

  const Dependencies dependencies;
  const ServerOptions options;
  bool rules_followed = false;                 ///< the scheduler's thread alone
  std::atomic<unsigned> port = 0;              ///< 0 until it listens
  std::atomic<std::int64_t> scheduled_at = 0;  ///< by up_time(): the last step of the scheduler
  deploy::Deployer deployer;
  runner::Runner runner;
  notify::Notifier notifier;
  Loop scheduling;
  Loop deploying;
  Loop upkeep;
  std::unique_ptr<db::Listener> listener;  // last: it wakes the others
};

Work::Work(const Dependencies& dependencies, const ServerOptions& options,
           const std::string& server_id)
    : parts_(std::make_unique<Parts>(dependencies, options, server_id)) {}

Work::~Work() {
  stop();
}

void Work::start() {
  Parts& parts = *parts_;
  parts.runner.start();
  if (parts.options.components.runner) parts.deploying.start();
  if (parts.options.components.scheduler) parts.scheduling.start();
  if (parts.options.components.notifier) parts.notifier.start();
  parts.upkeep.start();
  parts.listener = parts.dependencies.database.listen(
      [&parts](std::string_view topic) { parts.on_news(topic); });
}

void Work::stop() {
  Parts& parts = *parts_;
  parts.listener.reset();
  // What a request or a start waits for (a fetch, a build) ends at once; the runner comes next, so
  // that it does not take a start that ended so for one that failed.
  parts.deployer.stop();
  parts.runner.stop();
  parts.upkeep.stop();
  parts.deploying.stop();
  parts.scheduling.stop();
  parts.notifier.stop();
}

void Work::wake_runner() {
  parts_->runner.wake();
}
void Work::wake_deployer() {
  parts_->deploying.wake();
}
void Work::wake_scheduler() {
  parts_->scheduling.wake();
}
void Work::wake_notifier() {
  parts_->notifier.wake();
}
void Work::listens_on(unsigned port) {
  parts_->port = port;
}
deploy::Deployer& Work::deployer() {
  return parts_->deployer;
}

}  // namespace cupola::app
