// Answers lines of "expression<TAB>zone<TAB>seconds since 1970" with "next<TAB>previous", each in
// seconds since 1970 or "none"; lines of "expression<TAB>zone<TAB>from<TAB>to<TAB>offset in
// minutes" with what is due after `from` and until `to`, separated by spaces; or with
// "refused<TAB>why". tests/oracle_cron.py and tests/oracle_zones.py hold the answers against
// others.

#include <charconv>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "cron/fires.h"

namespace {

using namespace cupola;

std::string to_text(const std::optional<cron::Fire>& fire) {
  return fire ? fmt::format("{}", to_milliseconds(fire->due) / 1000) : "none";
}

std::int64_t to_number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string all_dues(const cron::Timing& timing, Instant from, Instant to) {
  std::string dues;
  for (auto fire = cron::next_fire(timing, from); fire && fire->due <= to;
       fire = cron::next_fire(timing, fire->due)) {
    if (!dues.empty()) dues += ' ';
    dues += to_text(fire);
  }
  return dues;
}

std::string answer(std::string_view line) {
  const auto parts = split(line, '\t');
  if (parts.size() != 3 && parts.size() != 5) return "refused\tthree or five parts are needed";
  const auto expression = cron::Expression::parse(parts[0]);
  if (!expression) return "refused\t" + cupola::to_text(expression.error());
  const auto zone = cron::Zone::find(parts[1]);
  if (!zone) return "refused\t" + cupola::to_text(zone.error());
  cron::Timing timing{.expression = *expression, .zone = *zone};
  const Instant at{std::chrono::seconds{to_number(parts[2])}};
  if (parts.size() == 5) {
    timing.offset = std::chrono::minutes{to_number(parts[4])};
    return all_dues(timing, at, Instant{std::chrono::seconds{to_number(parts[3])}});
  }
  return to_text(cron::next_fire(timing, at)) + '\t' + to_text(cron::previous_fire(timing, at));
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(line) << '\n';
  return std::cout.flush() ? 0 : 1;
}
