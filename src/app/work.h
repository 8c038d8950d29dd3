#pragma once

/// What a server does by itself, each part on threads of its own: schedules fire, releases are
/// built, runs are run, people are told, what is old is removed.

#include <functional>
#include <memory>
#include <string>

#include "app/server_options.h"
#include "base/clock.h"
#include "base/home.h"
#include "db/database.h"
#include "deploy/deployer.h"
#include "store/vault.h"

namespace cupola::app {

/// Works from `start` to `stop` on the components that the options name; what other servers on the
/// database do for it or ask of it is heard at once. The parts wake one another; the wakes
/// (any thread) are for what comes from outside, and do nothing where the part is another server's.
class Work {
 public:
  struct Dependencies {
    db::Database& database;
    const store::Vault& vault;
    const Clock& clock;
    const Home& home;
    /// Another server took something from people: what is remembered of them is void.
    std::function<void()> forget_people;
  };
  Work(const Dependencies& dependencies, const ServerOptions& options,
       const std::string& server_id);
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  void start();
  /// Runs go on by themselves; a release that is being built is free for others at once.
  void stop();

  void wake_runner();
  void wake_deployer();
  void wake_scheduler();
  void wake_notifier();

  /// The port of this server, which runs with a network of their own do not reach.
  void listens_on(unsigned port);

  /// For what requests ask of it; there on every server.
  deploy::Deployer& deployer();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cupola::app
