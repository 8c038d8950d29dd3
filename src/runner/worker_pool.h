#pragma once

/// A few threads that do small tasks in the order they came.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cupola::runner {

/// Runs tasks on `threads` threads. A task must not throw. `add` from any thread; `stop` waits for
/// the tasks in progress and drops those that wait.
class WorkerPool {
 public:
  WorkerPool(std::string name, int threads);
  ~WorkerPool();
  void add(std::function<void()> task);
  void stop();

 private:
  void work(const std::stop_token& token);

  std::string name_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::jthread> threads_;
};

}  // namespace cupola::runner
