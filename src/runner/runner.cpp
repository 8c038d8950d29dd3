#include "runner/runner.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "runner/folder.h"
#include "runner/lifecycle.h"
#include "runner/result.h"
#include "runner/watcher.h"
#include "runner/worker_pool.h"
#include "supervisor/spec.h"

namespace cupola::runner {
namespace {

constexpr std::chrono::milliseconds lease_length = 30s;
constexpr std::chrono::milliseconds renew_every = 5s;
constexpr std::chrono::milliseconds tick = 1s;
/// A supervisor that was told to stop has its grace time and this; then it is killed.
constexpr std::chrono::milliseconds stop_slack = 30s;
/// From the claim until the program is alive.
constexpr std::chrono::milliseconds start_limit = 2min;
constexpr int pool_threads = 4;

bool has_ended(int pidfd) {
  ::pollfd watched{.fd = pidfd, .events = POLLIN, .revents = 0};
  return pidfd >= 0 && ::poll(&watched, 1, 0) == 1;
}

void signal_supervisor(const OpenRun& open, int number) {
  ::syscall(SYS_pidfd_send_signal, open.watched_fd(), number, nullptr, 0);
}

}  // namespace

/// All that the loop's thread holds. Only that thread touches `open_` and the watcher, but for
/// `wake`; tasks in the pool have one OpenRun each and post what is to be done back to the loop.
class Runner::Work {
 public:
  Work(Dependencies dependencies, Options options)
      : dependencies_(std::move(dependencies)),
        options_(std::move(options)),
        slots_(static_cast<std::size_t>(options_.max_runs), false) {}

  void start() {
    if (thread_.joinable()) return;
    pool_ = std::make_unique<WorkerPool>("runner-task", pool_threads);
    starters_ = std::make_unique<WorkerPool>("runner-start", pool_threads);
    thread_ = std::jthread([this](const std::stop_token& token) { loop(token); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    watcher_.wake();
    thread_.join();
    starters_.reset();
    pool_.reset();
    posted_.clear();
    // The supervisors go on by themselves; whoever comes next adopts them.
    for (auto& [id, open] : open_) {
      watcher_.forget(id);
      if (open->child) open->child->detach();
    }
    open_.clear();
    std::fill(slots_.begin(), slots_.end(), false);
  }

  void wake() { watcher_.wake(); }

  std::string trouble() const {
    const std::scoped_lock lock(mutex_);
    return trouble_;
  }

 private:
  using Shared = std::shared_ptr<OpenRun>;  // shared by the map and the one task in progress

  void loop(const std::stop_token& token) {
    ::pthread_setname_np(::pthread_self(), "runner");
    bool adopted = false;
    while (!token.stop_requested()) {
      try {
        if (!adopted) {
          adopt_all();
          adopted = true;
        }
        step();
      } catch (const std::exception& failure) {
        log_error("runner: {}; trying again in 1 s", failure.what());
        std::this_thread::sleep_for(1s);
      }
    }
  }

  void step() {
    const auto events = watcher_.wait(time_to_wait());
    const Instant now = dependencies_.clock.now();
    run_posted();
    for (const RunId& id : events.started) on_started(id);
    for (const RunId& id : events.ended) on_ended(id);
    if (std::chrono::steady_clock::now() >= next_tick_) {
      next_tick_ = std::chrono::steady_clock::now() + tick;
      on_tick(now);
    } else if (events.woken) {
      reconcile(now);
    }
    claim(now);
  }

  std::chrono::milliseconds time_to_wait() const {
    const auto until_tick =
        std::chrono::ceil<std::chrono::milliseconds>(next_tick_ - std::chrono::steady_clock::now());
    auto wait = std::clamp<std::chrono::milliseconds>(until_tick, 0ms, tick);
    if (next_queued_ && free_slots() > 0) {
      wait = std::clamp<std::chrono::milliseconds>(*next_queued_ - dependencies_.clock.now(), 0ms,
                                                   wait);
    }
    return wait;
  }

  int free_slots() const {
    return static_cast<int>(std::count(slots_.begin(), slots_.end(), false));
  }

  // -- what tasks hand back to the loop --

  void post(std::function<void()> action) {
    {
      const std::scoped_lock lock(mutex_);
      posted_.push_back(std::move(action));
    }
    watcher_.wake();
  }

  /// One at a time, so that one that fails takes no other with it.
  void run_posted() {
    for (;;) {
      std::function<void()> action;
      {
        const std::scoped_lock lock(mutex_);
        if (posted_.empty()) return;
        action = std::move(posted_.front());
        posted_.pop_front();
      }
      action();
    }
  }

  /// Runs `task` in the pool as the only one for this run. A Failure is logged; `after` runs on the
  /// loop in any case, with whether the task went through.
  void give(const Shared& open, std::function<void()> task, std::function<void(bool)> after) {
    give(*pool_, open, std::move(task), std::move(after));
  }

  void give(WorkerPool& pool, const Shared& open, std::function<void()> task,
            std::function<void(bool)> after) {
    open->busy = true;
    pool.add([this, open, task = std::move(task), after = std::move(after)] {
      bool done = false;
      try {
        task();
        done = true;
      } catch (const std::exception& failure) {
        log_error("run {}: {}", open->run.id.text(), failure.what());
      }
      post([this, open, done, after] {
        open->busy = false;
        after(done);
        if (done) catch_up(open);
      });
    });
  }

  /// What happened to the run while its task was at work. After a task that failed it is left to
  /// the next tick, so that a database that is gone is not asked without a pause.
  void catch_up(const Shared& open) {
    if (open->busy || !open_.contains(open->run.id)) return;
    if (open->ended) {
      end(open);
    } else if (!open->is_marked_running && open->watched_fd() >= 0) {
      on_started(open->run.id);
    }
  }

  // -- claims and starts --

  void claim(Instant now) {
    const int most = free_slots();
    next_queued_.reset();
    if (most == 0 || !may_start(now)) return;
    // A look costs a fraction of a write, and most of the time nothing waits.
    const auto first =
        dependencies_.database.read([](db::Session& db) { return store::next_queued(db); });
    if (!first || *first > now) {
      next_queued_ = first;
      return;
    }
    const auto claimed = dependencies_.database.write([&](db::Session& db) {
      return store::claim_runs(db, options_.worker, most, now, lease_length);
    });
    for (const store::Run& run : claimed) begin(run);
    if (static_cast<int>(claimed.size()) < most) {
      next_queued_ =
          dependencies_.database.read([](db::Session& db) { return store::next_queued(db); });
      // One that is due already waits for something else than time; the next tick looks again.
      if (next_queued_ && *next_queued_ <= now) next_queued_.reset();
    }
  }

  bool may_start(Instant now) {
    const double share = free_share(dependencies_.home.root());
    std::string trouble;
    if (share < options_.least_free_disk) {
      trouble = fmt::format(
          "No run starts: {:.1f} % of the disk that holds {} is free, {:.0f} % are needed.",
          share * 100, dependencies_.home.root().string(), options_.least_free_disk * 100);
    }
    {
      const std::scoped_lock lock(mutex_);
      if (trouble == trouble_) return trouble.empty();
      trouble_ = trouble;
    }
    if (trouble.empty()) {
      log_info("There is enough free disk again: runs start.");
      return true;
    }
    log_error("{}", trouble);
    dependencies_.database.write(
        [&](db::Session& db) { store::explain_waiting(db, trouble, now); });
    return false;
  }

  Shared open_for(const store::Run& run) {
    auto open = std::make_shared<OpenRun>();
    open->run = run;
    open->lease = {.run = run.id, .token = run.lease_token};
    open->folder = dependencies_.home.run(run.id);
    open->states = open->folder / "state";
    open->log = dependencies_.home.log(run.id);
    return open;
  }

  void begin(const store::Run& run) {
    auto open = open_for(run);
    take_free_slot(*open);
    open_.emplace(run.id, open);
    // Shared by the task and what follows it.
    auto outcome = std::make_shared<Result<Start>>(Start::started);
    give(
        *starters_, open,
        [this, open, outcome] {
          try {
            *outcome = start_run(dependencies_, options_, *open);
          } catch (const std::exception& failure) {
            *outcome = Error{Error::Kind::unavailable, failure.what()};
          }
        },
        [this, open, outcome](bool) {
          open->since = std::chrono::steady_clock::now();
          if (!*outcome) {
            open->result = {.status = store::RunStatus::failed,
                            .cause = "It could not be started: " + to_text(outcome->error())};
            open->ended = true;
            end(open);
          } else if (**outcome == Start::requeued) {
            release(open);
          } else {
            watch(open);
          }
        });
  }

  void watch(const Shared& open) {
    watcher_.watch(open->run.id, open->watched_fd(), open->folder);
    // Both may have happened before the watch began.
    if (std::filesystem::exists(supervisor::started_file(open->folder))) on_started(open->run.id);
  }

  // -- what happens to a run --

  void on_started(const RunId& id) {
    const auto found = open_.find(id);
    if (found == open_.end() || found->second->is_marked_running) return;
    const Shared open = found->second;
    if (open->busy) return;  // the next tick looks again
    const auto text = read_file(supervisor::started_file(open->folder), 1u << 20);
    const auto started =
        text ? supervisor::parse_started(*text) : Result<supervisor::Started>(text.error());
    if (!started) return;
    open->is_marked_running = true;
    give(
        open,
        [this, open, sandbox = started->sandbox] {
          dependencies_.database.write([&](db::Session& db) {
            store::mark_running(db, open->lease, sandbox, dependencies_.clock.now());
          });
        },
        [open](bool done) { open->is_marked_running = done; });
  }

  void on_ended(const RunId& id) {
    watcher_.forget(id);
    if (const auto found = open_.find(id); found != open_.end()) {
      found->second->ended = true;
      end(found->second);
    }
  }

  void end(const Shared& open) {
    if (open->busy) return;  // the next tick tries again
    give(
        open, [this, open] { end_run(dependencies_, options_, *open); },
        [this, open](bool done) {
          if (done) release(open);
        });
  }

  void release(const Shared& open) {
    if (open->slot >= 0) slots_[static_cast<std::size_t>(open->slot)] = false;
    open_.erase(open->run.id);
  }

  // -- once a second --

  void on_tick(Instant now) {
    if (!open_.empty() && std::chrono::steady_clock::now() >= next_renewal_) {
      next_renewal_ = std::chrono::steady_clock::now() + renew_every;
      dependencies_.database.write(
          [&](db::Session& db) { store::renew_leases(db, options_.worker, now + lease_length); });
    }
    reconcile(now);
    end_what_nobody_holds(now);
    const std::vector<std::pair<RunId, Shared>> all(open_.begin(), open_.end());
    for (const auto& [id, open] : all) look_after(id, open);
  }

  void look_after(const RunId& id, const Shared& open) {
    if (open->busy) return;
    const auto now = std::chrono::steady_clock::now();
    if (open->ended) return end(open);
    if (has_ended(open->watched_fd())) return on_ended(id);  // also where no watch could be set
    if (!open->is_marked_running) {
      on_started(id);
      if (!open->busy && !open->is_marked_running && now - open->since > start_limit) {
        log_error("run {}: its program was not alive after {}; killing it", id.text(),
                  to_text(start_limit));
        signal_supervisor(*open, SIGKILL);
      }
      return;
    }
    const bool overdue = now - open->since > open->run.run_timeout + options_.grace + stop_slack;
    const bool too_slow =
        open->stop_signalled && now - *open->stop_signalled > options_.grace + stop_slack;
    if (overdue || too_slow) {
      log_error("run {}: its supervisor did not end it in time; killing both", id.text());
      signal_supervisor(*open, SIGKILL);
      return;
    }
    give(
        open, [this, open] { capture_run(dependencies_, *open); }, [](bool) {});
  }

  /// Brings together what is held here and what the database says: stops that were asked for, runs
  /// that another worker took over, and claims whose commit was in doubt.
  void reconcile(Instant now) {
    const auto listed = dependencies_.database.read(
        [&](db::Session& db) { return store::list_open_runs(db, options_.worker); });
    std::set<RunId> ours;
    for (const store::Run& run : listed) {
      ours.insert(run.id);
      const auto found = open_.find(run.id);
      if (found == open_.end()) {
        adopt(run, now);
      } else if (run.stop_requested_at) {
        pass_on_stop(*found->second);
      }
    }
    for (const auto& [id, open] : open_) {
      if (ours.contains(id) || open->busy || open->ended || open->watched_fd() < 0) continue;
      log_error("run {}: it is no longer this server's; killing its supervisor", id.text());
      signal_supervisor(*open, SIGKILL);
    }
  }

  static void pass_on_stop(OpenRun& open) {
    const bool is_being_started = open.busy && !open.is_marked_running;
    if (open.stop_signalled || open.ended || is_being_started) return;
    // Until the supervisor says where it is, it has no handler: the signal would be its end.
    if (!std::filesystem::exists(supervisor::supervisor_file(open.folder))) return;
    signal_supervisor(open, SIGTERM);
    open.stop_signalled = std::chrono::steady_clock::now();
  }

  /// Runs whose worker is gone, and runs that waited too long in the queue.
  void end_what_nobody_holds(Instant now) {
    const auto expired = dependencies_.database.read(
        [&](db::Session& db) { return store::list_expired_runs(db, now); });
    for (const store::Run& run : expired) {
      if (open_.contains(run.id)) continue;
      const store::Lease lease{.run = run.id, .token = run.lease_token};
      const auto result = lost_result(
          fmt::format("The server that ran it ({}) is gone.", run.worker.value_or("unknown")));
      dependencies_.database.write(
          [&](db::Session& db) { store::finish_run(db, lease, result, {}, now); });
    }
    const auto overdue = dependencies_.database.read(
        [&](db::Session& db) { return store::list_overdue_queued_runs(db, now, 100); });
    for (const store::Run& run : overdue) {
      dependencies_.database.write([&](db::Session& db) {
        store::end_queued_run(
            db, run.id, store::RunStatus::failed,
            fmt::format("It waited {} and could not start.", to_text(now - run.queued_at)),
            std::nullopt, now);
      });
    }
  }

  // -- after a restart --

  void adopt_all() {
    const Instant now = dependencies_.clock.now();
    const auto runs = dependencies_.database.read(
        [&](db::Session& db) { return store::list_open_runs(db, options_.worker); });
    for (const store::Run& run : runs) adopt(run, now);
    sweep_folders();
  }

  void adopt(const store::Run& run, Instant now) {
    if (open_.contains(run.id)) return;
    const auto lease = dependencies_.database.write([&](db::Session& db) {
      return store::adopt_run(db, run.id, options_.worker, now + lease_length);
    });
    if (!lease) return;
    auto open = open_for(run);
    open->lease = *lease;
    open->is_marked_running = run.started_at.has_value();
    const Found found = find_supervisor(*open);
    if (found == Found::never_started) return give_back(run, *lease, now);
    take_slot_of(*open);
    open_.emplace(run.id, open);
    log_info("run {}: {} the restart", run.id.text(),
             found == Found::alive ? "went on over" : "ended during");
    if (found == Found::alive) {
      watch(open);
    } else {
      open->ended = true;
      end(open);
    }
  }

  /// A run that was claimed and that nothing was started for: to the queue, or cancelled if that
  /// was asked for meanwhile. One that had started, and of which nothing is left, is lost.
  void give_back(const store::Run& run, const store::Lease& lease, Instant now) {
    log_info("run {}: was claimed but not started; back to the queue", run.id.text());
    dependencies_.database.write([&](db::Session& db) {
      if (store::requeue_run(db, lease, run.state_ids, "it was claimed but not started", now))
        return;
      store::RunResult result = lost_result("After a restart nothing was left of it.");
      if (run.stop_requested_at && !run.started_at) {
        result = {.status = store::RunStatus::cancelled,
                  .cause = "stopped before it started",
                  .cancel_code = run.cancel_code.value_or("user")};
      }
      store::finish_run(db, lease, result, {}, now);
    });
  }

  /// An adopted run keeps its uid, so no other may get its slot.
  void take_slot_of(OpenRun& open) {
    if (const auto uid = owner_of(open.folder); uid && *uid >= options_.first_uid) {
      const auto slot = static_cast<std::size_t>(*uid - options_.first_uid);
      if (slot < slots_.size() && !slots_[slot]) {
        slots_[slot] = true;
        open.slot = static_cast<int>(slot);
        return;
      }
    }
    take_free_slot(open);
  }

  /// None when more runs were adopted than there are slots.
  void take_free_slot(OpenRun& open) {
    const auto free = std::find(slots_.begin(), slots_.end(), false);
    if (free == slots_.end()) return;
    *free = true;
    open.slot = static_cast<int>(free - slots_.begin());
  }

  /// Folders of runs that ended while nobody could wipe them.
  void sweep_folders() {
    std::error_code error;
    for (std::filesystem::directory_iterator it(dependencies_.home.runs(), error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
      const RunId id(it->path().filename().string());
      if (!open_.contains(id)) remove_tree(it->path());
    }
  }

  Dependencies dependencies_;
  Options options_;
  Watcher watcher_;
  std::vector<bool> slots_;
  std::map<RunId, Shared> open_;
  std::optional<Instant> next_queued_;
  std::chrono::steady_clock::time_point next_tick_;
  std::chrono::steady_clock::time_point next_renewal_;
  mutable std::mutex mutex_;  // of the two below
  std::deque<std::function<void()>> posted_;
  std::string trouble_;
  std::unique_ptr<WorkerPool> pool_;
  /// Apart from the others: a start may have to fetch or build first, which takes minutes.
  std::unique_ptr<WorkerPool> starters_;
  std::jthread thread_;
};

Runner::Runner(Dependencies dependencies, Options options)
    : work_(std::make_unique<Work>(std::move(dependencies), std::move(options))) {}
Runner::~Runner() {
  work_->stop();
}
void Runner::start() {
  work_->start();
}
void Runner::stop() {
  work_->stop();
}
void Runner::wake() {
  work_->wake();
}
std::string Runner::trouble() const {
  return work_->trouble();
}

}  // namespace cupola::runner
