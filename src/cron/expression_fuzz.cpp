// Any text is either refused with words and a hint, or fires in order: what comes after an instant
// lies after it, and the fire before that one does not.

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "cron/fires.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cupola;
  using namespace cupola::cron;
  std::uint32_t minutes = 0;
  if (size < sizeof minutes) return 0;
  std::memcpy(&minutes, data, sizeof minutes);
  const std::string text(data + sizeof minutes, data + size);

  const Result<Expression> expression = Expression::parse(text);
  if (!expression) {
    CUPOLA_CHECK(!expression.error().message.empty() && !expression.error().hint.empty());
    return 0;
  }
  CUPOLA_CHECK(!expression->describe().empty());
  const Result<Expression> again = Expression::parse(expression->text());
  CUPOLA_CHECK(again && *again == *expression);

  static const Zone zones[] = {Zone::utc(), Zone::find("America/New_York").value(),
                               Zone::find("Australia/Lord_Howe").value()};
  const Instant at{std::chrono::minutes{minutes % 68'000'000}};
  for (const Zone& zone : zones) {
    const Timing timing{.expression = *expression, .zone = zone, .offset = 3min};
    const auto after = next_fire(timing, at);
    const auto before = previous_fire(timing, at);
    if (after) {
      CUPOLA_CHECK(after->due > at && after->due == after->nominal + 3min);
      const auto back = previous_fire(timing, after->due);
      CUPOLA_CHECK(!back || back->due <= at);
    }
    if (before) {
      CUPOLA_CHECK(before->due < at);
      const auto forth = next_fire(timing, before->due);
      CUPOLA_CHECK(!forth || forth->due >= at);
    }
  }
  return 0;
}
