#pragma once

/// Amounts of credits: whole hundredths, so that sums are exact.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cupola::credits {

struct Amount {
  std::int64_t hundredths = 0;

  auto operator<=>(const Amount&) const = default;
  Amount operator-() const { return {-hundredths}; }
  Amount& operator+=(Amount other) {
    hundredths += other.hundredths;
    return *this;
  }
};
/// As columns have them, where there may be none.
inline std::optional<Amount> amount_of(const std::optional<std::int64_t>& hundredths) {
  return hundredths ? std::optional(Amount{*hundredths}) : std::nullopt;
}
inline std::optional<std::int64_t> hundredths_of(const std::optional<Amount>& amount) {
  return amount ? std::optional(amount->hundredths) : std::nullopt;
}

inline Amount operator+(Amount a, Amount b) {
  return {a.hundredths + b.hundredths};
}
inline Amount operator-(Amount a, Amount b) {
  return {a.hundredths - b.hundredths};
}

/// Nobody may enter more at once.
inline constexpr Amount most_entered{100'000'000'000};

/// "12", "0.5", "-3.25": a number of JSON, too.
std::string to_text(Amount amount);

/// Reads what `to_text` writes, with at most two digits after the point and at most
/// `most_entered` either way. Empty for anything else.
std::optional<Amount> parse_amount(std::string_view text);

/// The same of a number that was read as a double: 0.1 is ten hundredths.
std::optional<Amount> to_amount(double credits);

}  // namespace cupola::credits
