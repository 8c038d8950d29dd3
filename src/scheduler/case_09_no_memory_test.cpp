#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "scheduler/enqueue_test.h"

namespace {

/// Allocations that still succeed; negative: all do.
std::atomic<long> left{-1};

void* allocate(std::size_t size) {
  if (left.load(std::memory_order_relaxed) >= 0 && left.fetch_sub(1) == 0) {
    left = -1;  // one fails, then all succeed: what handles the fault may allocate
    throw std::bad_alloc();
  }
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Of this whole test program, because the step's work is done on threads of the database.
void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace cupola::scheduler {
namespace {

class Case09 : public EnqueueFixture {};
INSTANTIATE_TEST_SUITE_P(On, Case09, cupola::testing::databases());

TEST_P(Case09, EachAllocationOfAStepMayFailAndTheNextStepDoesItsWork) {
  const auto schedule = deploy("*/10 * * * *");
  enqueue_all(noon + 1s);
  Instant fire = noon;

  bool failed = true;
  int failures = 0;
  for (long allowed = 0; failed && allowed < 20000; allowed += allowed < 300 ? 1 : 7) {
    fire += 10min;
    failed = false;
    left = allowed;
    try {
      enqueue_due_runs(*db, fire + 1s);
    } catch (const std::exception&) {
      failed = true;
      ++failures;
    }
    failed = failed || left < 0;  // caught on the way
    left = -1;
    enqueue_due_runs(*db, fire + 2s);

    const auto told = fires(schedule, 1);
    ASSERT_EQ(told.front().nominal, fire) << "after " << allowed << " allocations";
    ASSERT_EQ(told.front().outcome, store::FireOutcome::run);
    const auto waiting = unfinished(schedule);
    ASSERT_EQ(waiting.size(), 1u);
    ASSERT_EQ(waiting[0].id, told.front().run);
    ASSERT_EQ(waiting[0].due_at, fire);
  }

  EXPECT_FALSE(failed) << "a step makes more allocations than were tried";
  EXPECT_GT(failures, 20);
}

}  // namespace
}  // namespace cupola::scheduler
