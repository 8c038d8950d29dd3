#include "base/span_text.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace cupola {
namespace {

TEST(SpanText, IsReadBackAsTheSameSpan) {
  for (const auto& [text, span] : std::vector<std::pair<std::string, std::chrono::milliseconds>>{
           {"30d", 24h * 30}, {"36h", 36h}, {"90m", 90min}, {"61s", 61s}, {"0s", 0ms}}) {
    EXPECT_EQ(span_text(span), text);
    EXPECT_EQ(parse_span(text), span);
  }
}

}  // namespace
}  // namespace cupola
