#include "runner/runner.h"

#include <deque>
#include <mutex>
#include <thread>

#include <pthread.h>

#include "base/log.h"
#include "runner/control.h"
#include "runner/local_machine.h"
#include "runner/sign_of_life.h"
#include "runner/watcher.h"
#include "runner/worker_pool.h"

namespace cupola::runner {
namespace {

constexpr int pool_threads = 4;

/// Tasks in two pools of threads; what follows them waits for the loop.
class PooledTasks : public Tasks {
 public:
  explicit PooledTasks(Watcher& watcher) : watcher_(watcher) {}

  void start() {
    others_ = std::make_unique<WorkerPool>("runner-task", pool_threads);
    starts_ = std::make_unique<WorkerPool>("runner-start", pool_threads);
  }

  /// Waits for the tasks in progress; nothing follows them.
  void stop() {
    starts_.reset();
    others_.reset();
    posted_.clear();
  }

  void run(Kind kind, const RunId& run, std::function<void()> work,
           std::function<void(bool)> then) override {
    WorkerPool& pool = kind == Kind::start ? *starts_ : *others_;
    pool.add([this, run, work = std::move(work), then = std::move(then)] {
      bool done = false;
      try {
        work();
        done = true;
      } catch (const std::exception& failure) {
        log_error("run {}: {}", run.text(), failure.what());
      }
      post([then, done] { then(done); });
    });
  }

  /// On the loop. One at a time, so that one that fails takes no other with it.
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

 private:
  void post(std::function<void()> action) {
    {
      const std::scoped_lock lock(mutex_);
      posted_.push_back(std::move(action));
    }
    watcher_.wake();
  }

  Watcher& watcher_;
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::unique_ptr<WorkerPool> others_;
  /// Apart from the others: a start may have to fetch or build first, which takes minutes.
  std::unique_ptr<WorkerPool> starts_;
};

}  // namespace

/// The thread of the loop. Only that thread touches the control and the watcher, but for `wake`.
class Runner::Work {
 public:
  Work(Dependencies dependencies, Options options)
      : machine_(dependencies.home, options, std::move(dependencies.ensure_files), watcher_),
        tasks_(watcher_),
        sign_(dependencies.home.sign_of_life()),
        gives_signs_(options.shared_database),
        control_({.database = dependencies.database,
                  .vault = dependencies.vault,
                  .clock = dependencies.clock,
                  .machine = machine_},
                 tasks_, std::move(options)) {}

  void start() {
    if (thread_.joinable()) return;
    tasks_.start();
    if (gives_signs_) sign_.start();
    thread_ = std::jthread([this](const std::stop_token& token) { loop(token); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    watcher_.wake();
    thread_.join();
    tasks_.stop();
    sign_.stop();
    control_.let_go();
  }

  void wake() { watcher_.wake(); }

 private:
  void loop(const std::stop_token& token) {
    ::pthread_setname_np(::pthread_self(), "runner");
    bool adopted = false;
    while (!token.stop_requested()) {
      try {
        if (!adopted) {
          control_.adopt_all();
          adopted = true;
        }
        Events events = watcher_.wait(control_.time_to_wait());
        tasks_.run_posted();
        control_.step(events);
      } catch (const std::exception& failure) {
        log_error("runner: {}; trying again in 1 s", failure.what());
        std::this_thread::sleep_for(1s);
      }
    }
  }

  Watcher watcher_;
  LocalMachine machine_;
  PooledTasks tasks_;
  SignOfLife sign_;
  bool gives_signs_;
  Control control_;
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
}  // namespace cupola::runner
