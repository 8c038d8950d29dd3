#include "credits/ticks.h"

#include <vector>

#include <gtest/gtest.h>

namespace cupola::credits {
namespace {

const Instant noon = *parse_rfc3339("2026-11-23T12:00:00Z");

/// Newest first.
TickCount count(const std::vector<Tick>& ticks, Instant now, std::optional<Instant> next_due = {}) {
  TickCounter counter(now, next_due);
  for (const Tick& tick : ticks) counter.add(tick);
  return counter.count();
}

std::int64_t missed(const Tick& tick, std::optional<Instant> next_due = {}) {
  return count({tick}, noon + 48h, next_due).missed;
}

TEST(Ticks, AreKeptByARunThatStartsWithinHalfAnHour) {
  const Instant next = noon + 1min;

  EXPECT_EQ(missed({.due = noon, .started_at = noon}, next), 0);
  EXPECT_EQ(missed({.due = noon, .started_at = noon + 30min - 1ms}, next), 0);
  EXPECT_EQ(missed({.due = noon, .started_at = noon + 30min}, next), 1);
  EXPECT_EQ(missed({.due = noon}, next), 1);
}

TEST(Ticks, AreKeptByARunThatStartsBeforeTheNextOne) {
  const Instant next = noon + 24h;

  EXPECT_EQ(missed({.due = noon, .started_at = noon + 24h - 1ms}, next), 0);
  EXPECT_EQ(missed({.due = noon, .started_at = noon + 24h}, next), 1);
  // While the next one has not come, it is not over.
  EXPECT_EQ(missed({.due = noon, .started_at = noon + 40h}), 0);
  EXPECT_EQ(missed({.due = noon}), 0);
  EXPECT_EQ(missed({.due = noon, .is_given_up = true}), 1);
}

TEST(Ticks, AreNotMissedBeforeTheirTimeIsOver) {
  const Tick tick{.due = noon};
  const Instant next = noon + 10min;

  EXPECT_EQ(count({tick}, noon + 30min - 1ms, next).missed, 0);
  EXPECT_EQ(count({tick}, noon + 30min, next).missed, 1);
}

TEST(Ticks, AreKeptByALaterRunToo) {
  const std::vector<Tick> after_an_outage = {
      {.due = noon + 40min, .started_at = noon + 41min},
      {.due = noon + 20min, .is_given_up = true},
      {.due = noon + 11min, .is_given_up = true},
      {.due = noon, .is_given_up = true},
  };

  const TickCount counted = count(after_an_outage, noon + 2h, noon + 1h);

  EXPECT_EQ(counted.due, 4);
  EXPECT_EQ(counted.missed, 1);
}

TEST(Ticks, ThatTheUserTurnedDownAreDueAndNotMissed) {
  const TickCount counted =
      count({{.due = noon, .is_excused = true, .is_given_up = true}}, noon + 2h, noon + 1h);

  EXPECT_EQ(counted.due, 1);
  EXPECT_EQ(counted.missed, 0);
}

TEST(Ticks, AreAsManyAsTheirRowStandsFor) {
  const TickCount counted =
      count({{.due = noon, .count = 500, .is_given_up = true}}, noon + 2h, noon + 1h);

  EXPECT_EQ(counted.due, 500);
  EXPECT_EQ(counted.missed, 500);
}

}  // namespace
}  // namespace cupola::credits
