#include "app/server.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "app/home_folder.h"
#include "app/hooks.h"
#include "app/version.h"
#include "auth/authenticator.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "db/database.h"
#include "deploy/clean_up.h"
#include "deploy/deployer.h"
#include "http/server.h"
#include "process/sandbox.h"
#include "runner/runner.h"
#include "runner/upkeep.h"
#include "scheduler/enqueue.h"
#include "store/vault.h"

namespace cupola::app {
namespace {

constexpr std::chrono::milliseconds longest_sleep = 1s;

/// Signals that end the server are taken by `main` alone; every thread made later inherits this.
::sigset_t block_ending_signals() {
  ::sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

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

/// What isolates runs, for the log. Throws Failure where project code would run as root because
/// nothing isolates it and nobody said that this is wanted.
std::string isolation(const ServerOptions& options, const Home& home) {
  if (!options.sandbox) return "no sandbox (switched off)";
  const process::Support& support = process::sandbox_support(home.root());
  if (support.kind == process::SandboxKind::none && ::geteuid() == 0) {
    throw Failure(fmt::format(
        "Runs cannot be isolated on this machine ({}), and this server is root, so the code of "
        "projects would run as root. Mend that (apt install bubblewrap; in a container, let it "
        "make "
        "namespaces), or start the server as an ordinary user, or give --sandbox off where every "
        "project is trusted with this machine.",
        support.text));
  }
  return support.text;
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

runner::Options runner_options(const ServerOptions& options, const std::string& worker,
                               const db::Database& database) {
  runner::Options made{.worker = worker,
                       .memory_limit = options.run_memory,
                       .sandbox = options.sandbox,
                       .first_uid = options.first_run_uid,
                       .grace = options.stop_grace,
                       .shared_database = database.is_postgres(),
                       .least_free_disk = options.least_free_disk / 100,
                       .supervisor = supervisor_program(),
                       .base_env = network_environment()};
  made.max_runs = options.max_runs > 0
                      ? options.max_runs
                      : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return made;
}

/// Waits for SIGTERM or SIGINT; a second one while stopping ends the program at once.
void wait_for_end(const ::sigset_t& signals) {
  int number = 0;
  ::sigwait(&signals, &number);
  log_info("stopping (signal {}); runs go on and are taken up again by the next start", number);
  std::thread([signals] {
    int second = 0;
    ::sigwait(&signals, &second);
    std::_Exit(1);
  }).detach();
}

}  // namespace

int run_server(const ServerOptions& options) {
  const ::sigset_t signals = block_ending_signals();
  ::umask(0077);
  const auto address = parse_address(options.listen);
  if (!address) throw Failure(to_text(address.error()));
  const SystemClock clock;
  const Home home(options.home);
  const HeldHome held(home);
  const std::string isolated_by = isolation(options, home);

  const auto database = db::Database::open(
      {.url = options.database.empty() ? "sqlite:" + home.database().string() : options.database});
  const store::Vault vault =
      store::Vault::open(options.key_file.empty() ? home.key() : options.key_file, *database);
  log_info("cupola {} on {}; runs are held by: {}", version, database->description(), isolated_by);

  // The loops wake one another, so each is named before it is made.
  Loop* scheduler_loop = nullptr;
  Loop* deployer_loop = nullptr;
  deploy::Deployer deployer({.database = *database, .vault = vault, .clock = clock, .home = home},
                            {.worker = held.server_id(),
                             .uv = options.uv,
                             .allow_local_repositories = options.allow_local_repositories,
                             .sandbox = options.sandbox},
                            [&](const store::Release&) { scheduler_loop->wake(); });
  runner::Runner runner(
      {.database = *database,
       .vault = vault,
       .clock = clock,
       .home = home,
       .ensure_files =
           [&](const store::Release& release) { return deployer.ensure_files(release); }},
      runner_options(options, held.server_id(), *database));

  Loop scheduling("scheduler", [&]() -> std::optional<std::chrono::milliseconds> {
    const auto enqueued = scheduler::enqueue_due_runs(*database, clock.now());
    if (enqueued.runs > 0) runner.wake();
    if (enqueued.more) return 0ms;
    if (!enqueued.next_due) return longest_sleep;
    return std::clamp<std::chrono::milliseconds>(*enqueued.next_due - clock.now(), 0ms,
                                                 longest_sleep);
  });
  scheduler_loop = &scheduling;
  Loop deploying("deployer", [&] {
    const auto sleep = deployer.step();
    runner.wake();
    return sleep;
  });
  deployer_loop = &deploying;
  Loop upkeep("upkeep", [&]() -> std::optional<std::chrono::milliseconds> {
    runner::clean_up(*database, home,
                     {.logs = options.keep_logs,
                      .runs = options.keep_runs,
                      .state_versions = options.keep_state_versions},
                     clock.now());
    deploy::clean_up(*database, home,
                     {.releases = options.keep_releases, .environments = options.keep_environments},
                     clock.now());
    return 1h;
  });

  auth::Authenticator authenticator(*database);
  Loop token_uses("token-uses", [&]() -> std::optional<std::chrono::milliseconds> {
    authenticator.keep_uses();
    return 1min;
  });

  api::Hooks hooks = make_hooks(deployer, home, options.allow_local_repositories);
  hooks.wake_runner = [&] { runner.wake(); };
  hooks.wake_deployer = [&] { deployer_loop->wake(); };
  hooks.wake_scheduler = [&] { scheduler_loop->wake(); };
  const api::Context context{.database = *database,
                             .vault = vault,
                             .home = home,
                             .clock = clock,
                             .authenticator = authenticator,
                             .hooks = std::move(hooks),
                             .version = version};
  api::Api api(context);
  http::Server server({.address = address->host, .port = address->port},
                      [&](const http::Request& request) { return api.handle(request); });

  runner.start();
  scheduling.start();
  deploying.start();
  token_uses.start();
  upkeep.start();
  server.start();
  const bool is_v6 = address->host.find(':') != std::string::npos;
  std::printf("listening on http://%s%s%s:%u\n", is_v6 ? "[" : "", address->host.c_str(),
              is_v6 ? "]" : "", server.port());
  std::fflush(stdout);

  wait_for_end(signals);
  // What a request or a start waits for (a fetch, a build) ends at once; the runner comes next, so
  // that it does not take a start that ended so for one that failed.
  deployer.stop();
  runner.stop();
  server.stop();
  upkeep.stop();
  deploying.stop();
  scheduling.stop();
  token_uses.stop();
  return 0;
}

}  // namespace cupola::app
