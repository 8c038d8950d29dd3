#include "base/loop.h"

#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>

namespace cupola {
namespace {

/// Waits until `check` holds, 10 s at most.
template <typename Check>
bool comes_true(Check check) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!check()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

TEST(LoopTest, AWakeEndsTheSleep) {
  std::atomic<int> steps = 0;
  Loop loop("test", [&]() -> std::optional<std::chrono::milliseconds> {
    ++steps;
    return std::nullopt;
  });
  loop.start();
  ASSERT_TRUE(comes_true([&] { return steps == 1; }));

  loop.wake();

  EXPECT_TRUE(comes_true([&] { return steps == 2; }));
}

TEST(LoopTest, AWakeDuringAStepMeansOneMoreStep) {
  std::atomic<int> steps = 0;
  Loop* self = nullptr;
  Loop loop("test", [&]() -> std::optional<std::chrono::milliseconds> {
    if (++steps == 1) self->wake();
    return std::nullopt;
  });
  self = &loop;
  loop.start();

  EXPECT_TRUE(comes_true([&] { return steps == 2; }));
}

TEST(LoopTest, AFailureInAStepDoesNotEndTheLoop) {
  std::atomic<int> steps = 0;
  Loop loop("test", [&]() -> std::optional<std::chrono::milliseconds> {
    if (++steps == 1) throw std::runtime_error("the database is gone");
    return std::nullopt;
  });
  loop.start();

  EXPECT_TRUE(comes_true([&] { return steps == 2; }));
}

TEST(LoopTest, StopWaitsForTheStepAndMayBeCalledTwice) {
  std::atomic<bool> in_step = false;
  std::atomic<bool> done = false;
  Loop loop("test", [&]() -> std::optional<std::chrono::milliseconds> {
    in_step = true;
    std::this_thread::sleep_for(50ms);
    done = true;
    return 1h;
  });
  loop.start();
  loop.start();
  ASSERT_TRUE(comes_true([&] { return in_step.load(); }));

  loop.stop();
  loop.stop();

  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace cupola
