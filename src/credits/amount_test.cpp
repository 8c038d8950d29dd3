#include "credits/amount.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace cupola::credits {
namespace {

TEST(Amount, IsWrittenWithAsManyDecimalsAsItNeeds) {
  EXPECT_EQ(to_text(Amount{0}), "0");
  EXPECT_EQ(to_text(Amount{100}), "1");
  EXPECT_EQ(to_text(Amount{50}), "0.5");
  EXPECT_EQ(to_text(Amount{1}), "0.01");
  EXPECT_EQ(to_text(Amount{-325}), "-3.25");
  EXPECT_EQ(to_text(Amount{-5}), "-0.05");
  EXPECT_EQ(to_text(Amount{123'456'789}), "1234567.89");
}

TEST(Amount, IsReadAsItIsWrittenAndNothingElseIs) {
  for (const std::int64_t hundredths : {0, 1, 10, 50, 99, 100, 101, 12345, -1, -250}) {
    EXPECT_EQ(parse_amount(to_text(Amount{hundredths})), Amount{hundredths});
  }
  EXPECT_EQ(parse_amount("1.50"), Amount{150});
  EXPECT_EQ(parse_amount("1000000000"), most_entered);
  for (const char* text : {"", "-", ".5", "1.", "1.005", "1,5", "1e3", "+1", "--1", "0x10", " 1",
                           "1000000000.01", "99999999999999999999", "1.-5"}) {
    EXPECT_FALSE(parse_amount(text)) << text;
  }
}

TEST(Amount, IsTakenFromANumberOfTwoDecimals) {
  EXPECT_EQ(to_amount(0.1), Amount{10});
  EXPECT_EQ(to_amount(0.29), Amount{29}) << "which is a little less as a double";
  EXPECT_EQ(to_amount(-12.34), Amount{-1234});
  EXPECT_EQ(to_amount(999'999'999.99), Amount{99'999'999'999});
  EXPECT_FALSE(to_amount(0.005));
  EXPECT_FALSE(to_amount(1e9 + 0.01));
  EXPECT_FALSE(to_amount(1e300));
  EXPECT_FALSE(to_amount(std::nan("")));
  EXPECT_FALSE(to_amount(-std::numeric_limits<double>::infinity()));
}

}  // namespace
}  // namespace cupola::credits
