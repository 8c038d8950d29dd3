#include "credits/amount.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace cupola::credits {
namespace {

/// Digits alone, and not so many that they could overflow.
std::optional<std::int64_t> whole(std::string_view digits) {
  std::int64_t number = 0;
  if (digits.empty() || digits.size() > 12) return std::nullopt;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ptr != digits.data() + digits.size() || digits.front() == '-') return std::nullopt;
  return number;
}

}  // namespace

std::string to_text(Amount amount) {
  const std::int64_t size = std::abs(amount.hundredths);
  std::string text = fmt::format("{}{}", amount.hundredths < 0 ? "-" : "", size / 100);
  const std::int64_t rest = size % 100;
  if (rest == 0) return text;
  return text + (rest % 10 == 0 ? fmt::format(".{}", rest / 10) : fmt::format(".{:02}", rest));
}

std::optional<Amount> parse_amount(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const auto before = whole(text.substr(0, point));
  if (!before) return std::nullopt;
  std::int64_t hundredths = *before * 100;
  if (point != std::string_view::npos) {
    const std::string_view decimals = text.substr(point + 1);
    const auto after = whole(decimals);
    if (!after || decimals.size() > 2) return std::nullopt;
    hundredths += decimals.size() == 1 ? *after * 10 : *after;
  }
  if (hundredths > most_entered.hundredths) return std::nullopt;
  return Amount{is_negative ? -hundredths : hundredths};
}

std::optional<Amount> to_amount(double credits) {
  constexpr double most = static_cast<double>(most_entered.hundredths) / 100;
  if (!(credits >= -most && credits <= most)) return std::nullopt;
  const double rounded = std::round(credits * 100);
  // What is left of two decimals is far below this, also of the largest amount.
  if (std::abs(credits * 100 - rounded) > 1e-4) return std::nullopt;
  return Amount{static_cast<std::int64_t>(rounded)};
}

}  // namespace cupola::credits
