#pragma once

/// Time and events of a simulated world, and the record of what happened in it.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/time.h"
#include "simulation/random.h"

namespace cupola::simulation {

/// A promise that did not hold. Not a std::exception: the code under test catches those.
struct Broken {
  std::string what;
};

template <typename... Args>
[[noreturn]] void broken(fmt::format_string<Args...> format, Args&&... args) {
  throw Broken{fmt::format(format, std::forward<Args>(args)...)};
}

/// A seed's world: nothing happens in it but by `at`, and time passes only from one event to the
/// next.
class World {
 public:
  using Event = std::function<void()>;
  using Span = std::chrono::milliseconds;

  World(std::uint64_t seed, Instant start, std::size_t notes)
      : random(seed), now_(start), notes_kept_(notes) {}

  /// The time that clocks would show were they right. Never goes back.
  Instant now() const { return now_; }
  /// The machines' steady clocks, which nobody sets.
  std::chrono::steady_clock::time_point steady_now() const;

  void at(Span from_now, Event event);
  /// Lets the world go on for a span, or until whoever waits outside of this call wants it back:
  /// then less. An event may call it: that is how a thread is held up in the midst of its work.
  void pass(Span span);
  /// It is so much later, at once; those who wait go on waiting for as long as before.
  void leap(Span span);
  /// How long `pass` may be at most at this point.
  Span longest_pass() const;

  /// What happened, for people; all of it goes into `hash`, so it must not hold what differs from
  /// one execution to the next: ids by `name_of`.
  template <typename... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    record(fmt::format(format, std::forward<Args>(args)...));
  }
  /// A short name for an id, the same each time the seed is replayed.
  const std::string& name_of(std::string_view id, std::string_view kind);
  std::uint64_t hash() const { return hash_; }
  std::uint64_t steps() const { return steps_; }
  const std::deque<std::string>& last_notes() const { return notes_; }

  Random random;
  /// Looks for broken promises, after each event.
  std::function<void()> check = [] {};

 private:
  struct Planned {
    Instant time;
    std::uint64_t number;  ///< in the order of planning, among those of one instant
    Event event;
    bool operator<(const Planned& other) const {
      return std::pair(time, number) > std::pair(other.time, other.number);
    }
  };
  void record(std::string text);

  Instant now_;
  std::size_t notes_kept_;
  std::uint64_t planned_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t hash_ = 14695981039346656037ull;
  std::priority_queue<Planned> events_;
  std::vector<Instant> horizons_;
  std::deque<std::string> notes_;
  std::map<std::string, std::string, std::less<>> names_;
  std::map<std::string, int, std::less<>> named_;
};

}  // namespace cupola::simulation
