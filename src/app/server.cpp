#include "app/server.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "app/home_folder.h"
#include "app/hooks.h"
#include "app/version.h"
#include "app/work.h"
#include "auth/authenticator.h"
#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "db/clock.h"
#include "db/database.h"
#include "http/server.h"
#include "process/sandbox.h"
#include "store/vault.h"

namespace cupola::app {
namespace {

constexpr std::chrono::milliseconds clock_measured_every = 5s;

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

/// What isolates runs, for the log. Throws Failure where project code would run as root because
/// nothing isolates it and nobody said that this is wanted.
std::string isolation(const ServerOptions& options, const Home& home) {
  if (!options.components.runner) return "other servers";
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

/// The time that counts: the database's where several servers may share it, else this machine's.
class ServerClock {
 public:
  explicit ServerClock(db::Database& database)
      : measuring_("clock", [this]() -> std::optional<std::chrono::milliseconds> {
          shared_->measure();
          return clock_measured_every;
        }) {
    if (!database.is_postgres()) return;
    shared_ = std::make_unique<db::DatabaseClock>(database);
    measuring_.start();
  }

  const Clock& clock() const {
    if (shared_) return *shared_;
    return own_;
  }

 private:
  SystemClock own_;
  std::unique_ptr<db::DatabaseClock> shared_;
  Loop measuring_;
};

http::Reply not_served() {
  return http::problem({Error::Kind::not_found, "This server does not serve the API.",
                        "Ask one whose --components name api."});
}

std::string to_text(const Components& components) {
  std::string text;
  for (const auto& [is_there, name] : {std::pair{components.api, "api"},
                                       {components.scheduler, "scheduler"},
                                       {components.runner, "runner"},
                                       {components.notifier, "notifier"}}) {
    if (is_there) text += (text.empty() ? "" : ", ") + std::string(name);
  }
  return text;
}

std::string own_url(const Address& address, unsigned port) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", is_v6 ? "[" : "", address.host, is_v6 ? "]" : "", port);
}

std::string public_url(const ServerOptions& options, const Address& address, unsigned port) {
  std::string url = options.public_url.empty() ? own_url(address, port) : options.public_url;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

int run_server(const ServerOptions& options) {
  const ::sigset_t signals = block_ending_signals();
  ::umask(0077);
  const auto address = parse_address(options.listen);
  if (!address) throw Failure(to_text(address.error()));
  const Home home(options.home, options.log_store, options.persist_store);
  const HeldHome held(home);
  make_folder(home.logs(), 0700);

  const auto database = db::Database::open(
      {.url = options.database.empty() ? "sqlite:" + home.database().string() : options.database});
  const store::Vault vault =
      store::Vault::open(options.key_file.empty() ? home.key() : options.key_file, *database);
  const ServerClock time(*database);

  auth::Authenticator authenticator(*database);
  Work work({.database = *database,
             .vault = vault,
             .clock = time.clock(),
             .home = home,
             .forget_people = [&authenticator] { authenticator.forget(); }},
            options, held.server_id());
  log_info("cupola {} ({}) on {}; runs are held by: {}", version, to_text(options.components),
           database->description(), isolation(options, home));
  Loop token_uses("token-uses", [&]() -> std::optional<std::chrono::milliseconds> {
    authenticator.keep_uses();
    return 1min;
  });

  api::Hooks hooks = make_hooks(work.deployer(), home, options);
  hooks.wake_runner = [&] { work.wake_runner(); };
  hooks.wake_deployer = [&] { work.wake_deployer(); };
  hooks.wake_scheduler = [&] { work.wake_scheduler(); };
  std::atomic<unsigned> port = 0;
  hooks.public_url = [&] { return public_url(options, *address, port); };
  hooks.wake_notifier = [&] { work.wake_notifier(); };
  const api::Context context{.database = *database,
                             .vault = vault,
                             .home = home,
                             .clock = time.clock(),
                             .authenticator = authenticator,
                             .hooks = std::move(hooks),
                             .version = version,
                             .kept = options.kept};
  api::Api api(context);
  http::Server server({.address = address->host,
                       .port = address->port,
                       .longest_large_body = api::Api::largest_of_states,
                       .may_be_large = api::Api::brings_states},
                      [&](const http::Request& request) {
                        if (options.components.api || api::Api::is_health(request))
                          return api.handle(request);
                        return not_served();
                      });

  work.start();
  token_uses.start();
  server.start();
  port = server.port();
  work.listens_on(port);
  std::printf("listening on %s\n", own_url(*address, port).c_str());
  std::fflush(stdout);

  wait_for_end(signals);
  work.stop();
  server.stop();
  token_uses.stop();
  return 0;
}

}  // namespace cupola::app
