#include "auth/guesses.h"

#include <gtest/gtest.h>

namespace cupola::auth {
namespace {

const Instant noon = *parse_rfc3339("2026-11-26T12:00:00Z");

TEST(GuessesTest, ALoginMayBeTriedTenTimesInAQuarterOfAnHour) {
  Guesses guesses;
  for (int i = 0; i < Guesses::most_per_login; ++i) {
    EXPECT_FALSE(guesses.too_many("ada", "192.0.2." + std::to_string(i), noon));
  }

  EXPECT_EQ(guesses.too_many("ada", "192.0.2.99", noon + 5min), std::chrono::milliseconds{10min});
  EXPECT_FALSE(guesses.too_many("ben", "192.0.2.99", noon + 5min));
  EXPECT_FALSE(guesses.too_many("ada", "192.0.2.99", noon + 15min));
}

TEST(GuessesTest, AnAddressMayTryThirtyLogins) {
  Guesses guesses;
  for (int i = 0; i < Guesses::most_per_peer; ++i) {
    EXPECT_FALSE(guesses.too_many("user-" + std::to_string(i), "192.0.2.1", noon));
  }

  EXPECT_TRUE(guesses.too_many("another", "192.0.2.1", noon));
  EXPECT_FALSE(guesses.too_many("another", "192.0.2.2", noon));
}

TEST(GuessesTest, WhatWentWellIsTakenBack) {
  Guesses guesses;
  for (int i = 0; i < 3 * Guesses::most_per_peer; ++i) {
    EXPECT_FALSE(guesses.too_many("ada", "192.0.2.1", noon));
    guesses.succeeded("ada", "192.0.2.1");
  }
  for (int i = 0; i < Guesses::most_per_peer; ++i) {
    EXPECT_FALSE(guesses.too_many("user-" + std::to_string(i), "192.0.2.1", noon));
  }

  EXPECT_TRUE(guesses.too_many("ada", "192.0.2.1", noon));
}

TEST(GuessesTest, AClockSetBackLocksNobodyOut) {
  Guesses guesses;
  for (int i = 0; i < Guesses::most_per_login; ++i) {
    EXPECT_FALSE(guesses.too_many("ada", "192.0.2.1", noon));
  }

  EXPECT_FALSE(guesses.too_many("ada", "192.0.2.1", noon - 1h));
}

TEST(GuessesTest, MemoryIsBounded) {
  Guesses guesses;
  for (int i = 0; i < 100'000; ++i) {
    guesses.too_many("user-" + std::to_string(i), std::to_string(i), noon);
  }

  EXPECT_FALSE(guesses.too_many("ada", "192.0.2.1", noon));
}

}  // namespace
}  // namespace cupola::auth
