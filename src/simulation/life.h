#pragma once

/// One life of a simulated server, from its start to its kill. Inner to `simulation`.

#include <deque>
#include <functional>
#include <map>

#include "simulation/server.h"

namespace cupola::simulation {

/// A thread of a server that was killed ends here, wherever it is. Not a std::exception.
struct Killed {};

struct Server::Life : public runner::Machine,
                      public runner::Tasks,
                      public std::enable_shared_from_this<Life> {
  Life(Server& owner, runner::Options options);

  /// Around each thing that a thread of it does: it is held up, paused or killed here.
  void point();
  /// Before each write.
  void wait_for_turn();
  /// Chooses what befalls it while it starts a run, where being late or gone does most harm.
  void choose_hit();
  /// Runs `f` as one of its threads, later.
  void later(std::chrono::milliseconds span, std::function<void()> f);
  void plan_loop(std::chrono::milliseconds span);
  void loop_turn();
  void plan_scheduler(std::chrono::milliseconds span);
  void scheduler_turn();
  void wake();
  bool is_idle() const;
  void abandon(const RunId& run);
  bool is_watched(const Process& process) const;

  // runner::Tasks
  void run(Kind kind, const RunId& run, std::function<void()> work,
           std::function<void(bool)> then) override;

  // runner::Machine
  std::chrono::steady_clock::time_point steady_now() const override;
  std::chrono::milliseconds up_time() const override;
  std::string place() const override;
  double free_disk() const override;
  Result<void> make_ready(const store::Release& release) override;
  Result<std::unique_ptr<runner::Supervisor>> start(runner::StartOrder order) override;
  runner::Found find(const store::Run& run) override;
  std::optional<int> slot_of(const RunId& run) const override;
  void watch(const RunId& run, runner::Supervisor& supervisor) override;
  void forget(const RunId& run) override;
  std::optional<supervisor::Started> started(const RunId& run) const override;
  bool takes_signals(const RunId& run) const override;
  store::RunResult result(const store::Run& run) const override;
  std::vector<store::Artifact> copy_artifacts(const store::Run&, const store::ReleaseContent&,
                                              std::int64_t) override {
    return {};
  }
  void settle_artifacts(const RunId&, std::int64_t, bool) override {}
  std::vector<store::CapturedState> states(const RunId& run,
                                           std::vector<std::string>& trouble) override;
  void tidy_up(const RunId& run, bool is_final) override;
  void sweep(const std::set<RunId>& open,
             const std::function<bool(const RunId&)>& is_final) override;

  Server& server;
  World& world;
  bool is_alive = true;
  FaultyDatabase database;
  runner::Control control;
  std::map<RunId, const Process*> watched;
  runner::Events events;
  std::deque<std::function<void()>> posted;
  int tasks = 0;
  bool is_adopted = false;
  int points_until_hit = 0;  ///< 0: nothing is to come
  bool hit_kills = false;
  bool in_loop = false;
  bool in_scheduler = false;
  std::uint64_t loop_plan = 0;
  std::uint64_t scheduler_plan = 0;
};

}  // namespace cupola::simulation
