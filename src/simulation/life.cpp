#include "simulation/life.h"

#include <algorithm>

#include <signal.h>

#include "scheduler/enqueue.h"

namespace cupola::simulation {
namespace {

/// Loops look at least so often; idle ones less often than in truth, which saves most of the time
/// and is only a slow server.
constexpr std::chrono::milliseconds idle_turn = 10s;

constexpr std::chrono::milliseconds wiping_takes = 300ms;

/// A pause may end early.
constexpr std::chrono::milliseconds look_at_pause = 3s;

class Held : public runner::Supervisor {
 public:
  Held(Host& host, std::shared_ptr<Process> process) : host_(host), process_(std::move(process)) {}
  bool has_ended() const override { return !process_->is_alive; }
  void signal(int number) override { host_.signal(process_, number); }
  const Process& process() const { return *process_; }

 private:
  Host& host_;
  std::shared_ptr<Process> process_;  // shared with its folder
};

}  // namespace

Server::Life::Life(Server& owner, runner::Options options)
    : server(owner),
      world(owner.shared_.world),
      database(owner.shared_.database, world, owner.shared_.database_faults,
               {.point = [this] { point(); },
                .fault =
                    [this](bool writes) {
                      if (writes) wait_for_turn();
                      return server.fault(writes);
                    },
                // At once: what the same step does next may hide what was wrong.
                .wrote = [this] { world.check(); }}),
      control(
          {.database = database, .vault = owner.shared_.vault, .clock = owner, .machine = *this},
          *this, std::move(options)) {}

void Server::Life::point() {
  const Shared& shared = server.shared_;
  const auto wait_while_paused = [&] {
    while (is_alive && server.is_paused() && world.longest_pass() > 0ms)
      world.pass(server.paused_until_ - world.now());
    if (!is_alive) throw Killed{};
    if (server.is_paused()) server.paused_until_ = world.now();
  };
  wait_while_paused();
  if (!shared.may_fail) return;
  Random& random = world.random;
  if (random.per_million(shared.server_faults.killed)) {
    server.restart(random.chance(70) ? random.between(10ms, 5s) : random.between(5s, 3min));
    throw Killed{};
  }
  if (points_until_hit > 0 && --points_until_hit == 0) {
    if (hit_kills) {
      server.restart(random.between(10ms, 1s));
      throw Killed{};
    }
    server.pause(random.between(29s, 45s));
  }
  if (random.per_million(shared.server_faults.held_up)) {
    world.pass(random.between(1ms, random.chance(shared.server_faults.long_holds) ? 8s : 200ms));
  }
  if (world.now() < server.sluggish_until_ && random.chance(40)) {
    world.pass(random.between(100ms, 3s));
  }
  if (random.per_million(shared.server_faults.paused)) {
    server.pause(random.between(1s, random.chance(30) ? 10min : 40s));
  }
  wait_while_paused();
}

void Server::Life::wait_for_turn() {
  if (world.now() >= server.writes_slowly_until_ || !world.random.chance(50)) return;
  world.pass(world.random.between(100ms, 3s));
  point();
}

void Server::Life::choose_hit() {
  constexpr int points = 14;  // of start_run, the last one after the supervisor is there
  points_until_hit = 0;
  Random& random = world.random;
  if (!server.shared_.may_fail || !random.chance(server.shared_.server_faults.starts_hit)) return;
  hit_kills = random.chance(35);
  points_until_hit = hit_kills && random.chance(60) ? points : 1 + random.below(points);
}

void Server::Life::later(std::chrono::milliseconds span, std::function<void()> f) {
  world.at(span, [self = shared_from_this(), f = std::move(f)]() mutable {
    if (!self->is_alive) return;
    if (self->server.is_paused()) return self->later(look_at_pause, std::move(f));
    try {
      f();
    } catch (const Killed&) {
    }
  });
}

// -- the runner's loop --

void Server::Life::plan_loop(std::chrono::milliseconds span) {
  later(span, [this, plan = ++loop_plan] {
    if (plan == loop_plan && !in_loop) loop_turn();
  });
}

void Server::Life::wake() {
  events.woken = true;
  if (!in_loop) plan_loop(world.random.between(0ms, 5ms));
}

bool Server::Life::is_idle() const {
  return posted.empty() && tasks == 0 && server.host_.folders.empty() && !events.woken;
}

void Server::Life::loop_turn() {
  struct Inside {
    explicit Inside(bool& flag_) : flag(flag_) { flag = true; }
    ~Inside() { flag = false; }
    bool& flag;
  };
  auto next = 1000ms;
  bool is_held_off = true;  // after a failure, whatever happens meanwhile
  {
    const Inside inside(in_loop);
    try {
      if (!is_adopted) {
        control.adopt_all();
        is_adopted = true;
      }
      const runner::Events taken = std::exchange(events, {});
      while (!posted.empty()) {
        const auto action = std::move(posted.front());
        posted.pop_front();
        action();
      }
      control.step(taken);
      next = std::max(control.time_to_wait(), 1ms);
      is_held_off = false;
    } catch (const std::exception& failure) {
      world.note("{} loop: {}", server.name_, failure.what());
    }
  }
  if (is_held_off) return plan_loop(next);
  if (events.woken || !events.ended.empty() || !events.started.empty()) next = 0ms;
  const bool others_run =
      server.shares_database_ && server.shared_.database.read([](db::Session& db) {
        return !store::list_open_runs(db, "").empty();
      });
  if (next >= 500ms && is_idle() && !others_run) next = world.random.between(next, idle_turn);
  plan_loop(next);
}

void Server::Life::run(Kind kind, const RunId& run, std::function<void()> work,
                       std::function<void(bool)> then) {
  ++tasks;
  const auto wait = kind == Kind::start && world.random.chance(12)
                        ? world.random.between(1s, 20s)
                        : world.random.between(0ms, 10ms);
  later(wait, [this, kind, run, work = std::move(work), then = std::move(then)] {
    bool done = false;
    if (kind == Kind::start) choose_hit();
    try {
      work();
      done = true;
    } catch (const std::exception& failure) {
      world.note("{} task of {}: {}", server.name_, world.name_of(run.text(), "run"),
                 failure.what());
    }
    --tasks;
    posted.push_back([then, done] { then(done); });
    wake();
  });
}

// -- the scheduler's loop --

void Server::Life::plan_scheduler(std::chrono::milliseconds span) {
  later(span, [this, plan = ++scheduler_plan] {
    if (plan == scheduler_plan && !in_scheduler) scheduler_turn();
  });
}

void Server::Life::scheduler_turn() {
  in_scheduler = true;
  auto next = 1000ms;
  try {
    const auto enqueued = scheduler::enqueue_due_runs(database, server);
    if (enqueued.runs > 0) wake();
    if (enqueued.runs + enqueued.missed + enqueued.skipped > 0)
      world.note("{} fires: {} run, {} missed, {} skipped", server.name_, enqueued.runs,
                 enqueued.missed, enqueued.skipped);
    if (enqueued.more) {
      next = 1ms;
    } else if (enqueued.next_due) {
      next = std::clamp<std::chrono::milliseconds>(*enqueued.next_due - server.now(), 1ms, 10s);
    } else {
      next = 10s;
    }
  } catch (const std::exception& failure) {
    world.note("{} scheduler: {}", server.name_, failure.what());
  }
  in_scheduler = false;
  plan_scheduler(next);
}

// -- the machine --

std::chrono::steady_clock::time_point Server::Life::steady_now() const {
  return world.steady_now();
}

std::chrono::milliseconds Server::Life::up_time() const {
  return world.now().time_since_epoch();
}

std::string Server::Life::place() const {
  return server.name_;
}

double Server::Life::free_disk() const {
  return world.now() < server.shared_.disk_full_until ? 0.01 : 0.5;
}

Result<void> Server::Life::make_ready(const store::Release&) {
  point();
  return {};
}

Result<std::unique_ptr<runner::Supervisor>> Server::Life::start(runner::StartOrder order) {
  point();
  if (server.shared_.may_fail && world.random.per_million(server.shared_.server_faults.start_fails))
    return Error{Error::Kind::unavailable, "No process is to be had."};
  const std::string run = world.name_of(order.run.id.text(), "run");
  const int number = server.shared_.truths[order.run.id].starts + 1;
  auto process = server.host_.start(order, fmt::format("{}/{}@{}", run, number, server.name_));
  world.note("{} starts {} under token {}", server.name_, process->name, order.run.lease_token);
  point();
  return std::unique_ptr<runner::Supervisor>(
      std::make_unique<Held>(server.host_, std::move(process)));
}

runner::Found Server::Life::find(const store::Run& run) {
  auto& folders = server.host_.folders;
  for (int looks = 0; looks < 30; ++looks) {
    const auto found = folders.find(run.id);
    if (found == folders.end()) return {};
    if (found->second.process->attempt != run.attempt) break;
    if (found->second.has_supervisor_file) {
      const auto& process = found->second.process;
      if (!process->is_alive) return {.kind = runner::Found::Kind::ended};
      return {.kind = runner::Found::Kind::alive,
              .supervisor = std::make_unique<Held>(server.host_, process)};
    }
    world.pass(100ms);
    point();
  }
  // Where that took too long all else does.
  if (server.shared_.may_fail && world.random.chance(50)) server.be_sluggish(6s);
  abandon(run.id);
  return {};
}

/// As in the product: a supervisor that is not there yet finds no folder, one that is, is killed.
void Server::Life::abandon(const RunId& run) {
  auto aside = server.host_.folders.extract(run);
  if (aside && aside.mapped().has_supervisor_file)
    server.host_.signal(aside.mapped().process, SIGKILL);
}

std::optional<int> Server::Life::slot_of(const RunId&) const {
  return std::nullopt;
}

void Server::Life::watch(const RunId& run, runner::Supervisor& supervisor) {
  watched[run] = &static_cast<const Held&>(supervisor).process();
}

bool Server::Life::is_watched(const Process& process) const {
  const auto found = watched.find(process.run);
  return found != watched.end() && found->second == &process;
}

void Server::Life::forget(const RunId& run) {
  watched.erase(run);
}

std::optional<supervisor::Started> Server::Life::started(const RunId& run) const {
  const auto found = server.host_.folders.find(run);
  return found == server.host_.folders.end() ? std::nullopt : found->second.started;
}

bool Server::Life::takes_signals(const RunId& run) const {
  const auto found = server.host_.folders.find(run);
  return found != server.host_.folders.end() && found->second.has_supervisor_file;
}

store::RunResult Server::Life::result(const store::Run& run) const {
  const auto found = server.host_.folders.find(run.id);
  if (found != server.host_.folders.end() && found->second.result) return *found->second.result;
  return {.status = store::RunStatus::lost, .cause = "Its supervisor was killed."};
}

std::vector<store::CapturedState> Server::Life::states(const RunId& run,
                                                       std::vector<std::string>&) {
  std::vector<store::CapturedState> states;
  const auto found = server.host_.folders.find(run);
  if (found == server.host_.folders.end() || found->second.is_torn) return states;
  for (const auto& [state_id, reached] : found->second.states) {
    states.push_back({state_id, fmt::format("{{\"reached\": {}}}", reached)});
  }
  return states;
}

void Server::Life::tidy_up(const RunId& run, bool is_final) {
  point();
  if (is_final) server.shared_.truths[run].is_log_closed = true;
  // Long enough for the next attempt to be claimed meanwhile.
  if (!is_final) {
    world.pass(wiping_takes);
    point();
  }
  server.host_.folders.erase(run);
}

void Server::Life::sweep(const std::set<RunId>& open,
                         const std::function<bool(const RunId&)>& is_final) {
  auto& folders = server.host_.folders;
  for (auto at = folders.begin(); at != folders.end();) {
    if (open.contains(at->first)) {
      ++at;
      continue;
    }
    if (at->second.has_supervisor_file) server.host_.signal(at->second.process, SIGKILL);
    const RunId run = at->first;
    if (is_final(run)) server.shared_.truths[run].is_log_closed = true;
    at = folders.erase(folders.find(run));
  }
}

}  // namespace cupola::simulation
