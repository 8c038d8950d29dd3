#include "base/loop.h"

#include <pthread.h>

#include "base/log.h"

namespace cupola {

Loop::Loop(std::string name, Step step) : name_(std::move(name)), step_(std::move(step)) {}

Loop::~Loop() {
  stop();
}

void Loop::start() {
  const std::scoped_lock lock(mutex_);
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& token) { run(token); });
}

void Loop::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Loop::stop() {
  std::jthread ending;
  {
    const std::scoped_lock lock(mutex_);
    ending = std::move(thread_);
  }
  if (ending.joinable()) {
    ending.request_stop();
    ending.join();
  }
}

void Loop::run(const std::stop_token& token) {
  ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
  while (!token.stop_requested()) {
    std::optional<std::chrono::milliseconds> sleep;
    try {
      sleep = step_();
    } catch (const std::exception& failure) {
      log_error("{}: {}; trying again in 1 s", name_, failure.what());
      sleep = 1s;
    }
    std::unique_lock lock(mutex_);
    if (sleep) {
      changed_.wait_for(lock, token, *sleep, [this] { return woken_; });
    } else {
      changed_.wait(lock, token, [this] { return woken_; });
    }
    woken_ = false;
  }
}

}  // namespace cupola
