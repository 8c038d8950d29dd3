#pragma once

/// A simulated server: the real scheduler step and the real runner control, with loops, tasks, a
/// clock and a machine of this world. It can be killed at any point, paused, cut off, and started
/// again on what it left on its host.

#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "runner/control.h"
#include "simulation/faulty_database.h"
#include "simulation/host.h"
#include "simulation/world.h"

namespace cupola::simulation {

/// How often a server is held up or killed at one of the points around what it does, in parts of a
/// million.
struct ServerFaults {
  int killed = 0;
  int held_up = 0;      ///< one thread, for up to some seconds
  int paused = 0;       ///< all of it, for up to ten minutes
  int start_fails = 0;  ///< no process to be had
  int starts_hit = 0;   ///< per cent of starts of runs in which it is killed or paused for long
  int long_holds = 20;  ///< per cent of what is held up: for seconds
  int deaf = 0;         ///< per cent of all events that it is not told of
};

class Server;

/// What servers have in common.
struct Shared {
  World& world;
  db::Database& database;
  const store::Vault& vault;
  DatabaseFaults database_faults;
  ServerFaults server_faults;
  HostFaults host_faults;
  std::map<RunId, Truth> truths;
  Instant database_down_until;
  Instant disk_full_until;
  bool may_fail = true;
  /// Looks at what is alive, before a program starts.
  std::function<void(const Process&, const Server&)> about_to_run;
};

class Server : public Clock {
 public:
  Server(Shared& shared, std::string name, bool shares_database);
  ~Server() override;

  void start();
  void kill();
  /// Kills it, and it starts again after so long.
  void restart(std::chrono::milliseconds away);
  /// Its machine is never seen again; what runs there goes on without it.
  void retire();
  void pause(std::chrono::milliseconds span);
  void cut_off(std::chrono::milliseconds span);
  /// Its threads are held up again and again, for up to some seconds.
  void be_sluggish(std::chrono::milliseconds span);
  /// Its writes wait for their turn, for up to some seconds each.
  void write_slowly(std::chrono::milliseconds span);
  /// The database takes no writes from it.
  void only_read(std::chrono::milliseconds span);
  void set_clock(std::chrono::milliseconds skew);
  void resume();
  void wake();
  /// What a user does through this server; nothing when it is down.
  void as_user(std::function<void(db::Database&)> action);

  bool is_up() const { return life_ != nullptr; }
  bool is_paused() const { return paused_until_ > shared_.world.now(); }
  bool is_retired() const { return is_retired_; }
  /// It works, and reaches what it needs of the database to know which runs are its own.
  bool can_see_its_runs() const;
  Instant now() const override { return shared_.world.now() + skew_; }
  const std::string& name() const { return name_; }
  Instant last_sign() const;
  Host& host() { return host_; }

 private:
  struct Life;
  friend struct Life;
  using Alive = std::shared_ptr<Life>;  // by the server and the threads that are in the midst of it

  std::string fault(bool writes) const;

  Shared& shared_;
  std::string name_;
  bool shares_database_;
  Host host_;
  std::chrono::milliseconds skew_{0};
  Instant paused_until_;
  Instant cut_off_until_;
  Instant last_sign_;
  Instant only_reads_until_;
  Instant sluggish_until_;
  Instant writes_slowly_until_;
  bool is_retired_ = false;
  Alive life_;
};

}  // namespace cupola::simulation
