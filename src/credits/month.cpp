#include "credits/month.h"

#include <algorithm>

#include <fmt/format.h>

namespace cupola::credits {
namespace {

using std::chrono::year_month_day;

constexpr std::string_view day_shape = "dddd-dd-dd";

/// Digits where the shape has a d, else what the shape has.
bool has_shape(std::string_view text, std::string_view shape) {
  return text.size() == shape.size() &&
         std::equal(text.begin(), text.end(), shape.begin(), [](char letter, char wanted) {
           return wanted == 'd' ? letter >= '0' && letter <= '9' : letter == wanted;
         });
}

int number(std::string_view digits) {
  int value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  return value;
}

}  // namespace

Day month_of(Day day) {
  const year_month_day date(day);
  return Day(date.year() / date.month() / 1);
}

Day month_after(Day day) {
  const year_month_day date(day);
  return Day(date.year() / date.month() / 1 + std::chrono::months(1));
}

std::string month_text(Day day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()));
}

std::string day_text(Day day) {
  return fmt::format("{}-{:02}", month_text(day), static_cast<unsigned>(year_month_day(day).day()));
}

std::optional<Day> parse_day(std::string_view text) {
  if (!has_shape(text, day_shape)) return std::nullopt;
  const year_month_day date(std::chrono::year(number(text.substr(0, 4))),
                            std::chrono::month(static_cast<unsigned>(number(text.substr(5, 2)))),
                            std::chrono::day(static_cast<unsigned>(number(text.substr(8, 2)))));
  if (!date.ok() || date.year() < std::chrono::year(1970)) return std::nullopt;
  return Day(date);
}

std::optional<Day> parse_month(std::string_view text) {
  return parse_day(std::string(text) + "-01");
}

}  // namespace cupola::credits
