#pragma once

/// Threads that take jobs from one queue. Private.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cupola::http {

/// Something to do once. It must not throw.
class Job {
 public:
  virtual ~Job() = default;
  virtual void run() = 0;
};

/// Runs jobs in the order in which they came. `submit` and `waiting` may be called by any thread;
/// `stop`, and the destructor, end the threads after all jobs that were submitted have run.
class Pool {
 public:
  Pool(std::string name, int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void submit(std::unique_ptr<Job> job);
  std::size_t waiting() const;
  void stop();

 private:
  void work();

  std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace cupola::http
