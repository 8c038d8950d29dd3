#pragma once

/// A long-lived activity: one named thread that runs a step, sleeps, and runs it again.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/time.h"

namespace cupola {

/// Runs `step` on a thread of its own until stopped.
///
/// `step` returns how long to sleep before it runs again (zero: at once; empty: until `wake`).
/// `wake` ends the sleep early, from any thread; a wake during a step means one more step. The
/// sleep is by the monotonic clock and never over a second at a time when a wall-clock instant is
/// awaited, so a step that waits for one looks again after the clock was set. An exception out of
/// `step` is logged, and the step runs again after a second. `start` returns at once, `stop` waits
/// until the step is over; both may be called twice. The destructor stops.
class Loop {
 public:
  using Step = std::function<std::optional<std::chrono::milliseconds>()>;

  Loop(std::string name, Step step);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start();
  void wake();
  void stop();

 private:
  void run(const std::stop_token& token);

  std::string name_;
  Step step_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::jthread thread_;
};

}  // namespace cupola
