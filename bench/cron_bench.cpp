// What a look for the next fire costs. Each figure is the mean over a chain of fires, each the next
// of the one before, so that no two questions are alike; the best of five rounds.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cron/fires.h"

namespace {

using namespace cupola;
using namespace cupola::cron;
using SteadyClock = std::chrono::steady_clock;

constexpr Instant start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
constexpr int rounds = 5;

double nanoseconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double, std::nano>(SteadyClock::now() - begin).count();
}

Timing timing_of(std::string_view expression, std::string_view zone) {
  return {.expression = Expression::parse(expression).value(), .zone = Zone::find(zone).value()};
}

double nanoseconds_a_next(const Timing& timing) {
  constexpr int chain = 20'000;
  double best = 1e300;
  for (int round = 0; round < rounds; ++round) {
    Instant at = start;
    const auto begin = SteadyClock::now();
    for (int i = 0; i < chain; ++i) {
      const auto fire = next_fire(timing, at);
      // The chain stays within a century, where the zone's rules are of use.
      at = fire->due < start + 24h * 365 * 100 ? fire->due : start;
    }
    best = std::min(best, nanoseconds_since(begin) / chain);
  }
  return best;
}

double nanoseconds_a_parse(std::string_view text) {
  constexpr int count = 20'000;
  double best = 1e300;
  for (int round = 0; round < rounds; ++round) {
    int parsed = 0;
    const auto begin = SteadyClock::now();
    for (int i = 0; i < count; ++i) parsed += Expression::parse(text) ? 1 : 0;
    if (parsed == count) best = std::min(best, nanoseconds_since(begin) / count);
  }
  return best;
}

/// A million schedules, of expressions and zones mixed, each with its own offset.
std::vector<Timing> a_million_schedules() {
  const std::vector<std::string> forms = {"{0} {1} * * *",   "*/15 * * * *",  "{0} * * * *",
                                          "{0} {1} * * 1-5", "{0} {1} 1 * *", "@daily",
                                          "{0} */2 * * *",   "{0} {1} L * *"};
  const std::vector<Zone> zones = {Zone::utc(), Zone::utc(), Zone::utc(),
                                   Zone::find("America/New_York").value(),
                                   Zone::find("Europe/Berlin").value()};
  std::vector<Timing> all;
  all.reserve(1'000'000);
  for (unsigned i = 0; i < 1'000'000; ++i) {
    const std::string text = fmt::format(fmt::runtime(forms[i % forms.size()]), i % 60, i / 7 % 24);
    all.push_back({.expression = Expression::parse(text).value(),
                   .zone = zones[i % zones.size()],
                   .offset = std::chrono::minutes{static_cast<int>(i % 15) - 7}});
  }
  return all;
}

void print_recomputation() {
  const std::vector<Timing> schedules = a_million_schedules();
  double best = 1e300;
  std::int64_t sum = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = SteadyClock::now();
    for (const Timing& timing : schedules) sum += to_milliseconds(next_fire(timing, start)->due);
    best = std::min(best, nanoseconds_since(begin));
  }
  fmt::print("a million schedules recomputed: {:.3f} s (budget 0.5 s; check {})\n", best / 1e9,
             sum % 1000);
}

}  // namespace

int main() {
  struct Case {
    const char* name;
    const char* expression;
    const char* zone;
    int budget;
  };
  const Case cases[] = {{"every 5 minutes", "*/5 * * * *", "UTC", 100},
                        {"daily", "5 3 * * *", "UTC", 100},
                        {"weekly", "0 0 * * 0", "UTC", 100},
                        {"monthly", "0 0 1 * *", "UTC", 100},
                        {"29 February", "0 0 29 2 *", "UTC", 1000},
                        {"every 5 minutes", "*/5 * * * *", "America/New_York", 100},
                        {"daily", "5 3 * * *", "America/New_York", 100},
                        {"weekly", "0 0 * * 0", "America/New_York", 100},
                        {"monthly", "0 0 1 * *", "America/New_York", 100},
                        {"29 February", "0 0 29 2 *", "America/New_York", 1000}};
  for (const Case& one : cases) {
    fmt::print("next, {:16} {:13} {:17} {:7.1f} ns (budget {} ns)\n", one.name, one.expression,
               one.zone, nanoseconds_a_next(timing_of(one.expression, one.zone)), one.budget);
  }
  fmt::print("parse '*/15 0-6,20 1 JAN-JUN MON-FRI': {:.0f} ns\n",
             nanoseconds_a_parse("*/15 0-6,20 1 JAN-JUN MON-FRI"));
  fmt::print("parse '0 6 * * *': {:.0f} ns\n", nanoseconds_a_parse("0 6 * * *"));
  print_recomputation();
}
