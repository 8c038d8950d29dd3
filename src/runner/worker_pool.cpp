#include "runner/worker_pool.h"

#include <pthread.h>

namespace cupola::runner {

WorkerPool::WorkerPool(std::string name, int threads) : name_(std::move(name)) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& token) { work(token); });
  }
}

WorkerPool::~WorkerPool() {
  stop();
}

void WorkerPool::add(std::function<void()> task) {
  {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void WorkerPool::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void WorkerPool::work(const std::stop_token& token) {
  ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
  while (!token.stop_requested()) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, token, [this] { return !tasks_.empty(); })) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace cupola::runner
