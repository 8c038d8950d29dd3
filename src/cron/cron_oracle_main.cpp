// Answers lines of "expression<TAB>zone<TAB>seconds since 1970" with "next<TAB>previous", each in
// seconds since 1970 or "none", or with "refused<TAB>why". tests/oracle_cron.py holds the answers
// against cronsim.

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

std::string answer(std::string_view line) {
  const auto parts = split(line, '\t');
  std::int64_t seconds = 0;
  if (parts.size() != 3) return "refused\tthree parts are needed";
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), seconds);
  const auto expression = cron::Expression::parse(parts[0]);
  if (!expression) return "refused\t" + cupola::to_text(expression.error());
  const auto zone = cron::Zone::find(parts[1]);
  if (!zone) return "refused\t" + cupola::to_text(zone.error());
  const cron::Timing timing{.expression = *expression, .zone = *zone};
  const Instant at{std::chrono::seconds{seconds}};
  return to_text(cron::next_fire(timing, at)) + '\t' + to_text(cron::previous_fire(timing, at));
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(line) << '\n';
  return std::cout.flush() ? 0 : 1;
}
