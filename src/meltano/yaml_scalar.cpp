#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "meltano/yaml.h"

namespace cupola::meltano::yaml {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes characters from the front of a text.
struct Cursor {
  std::string_view rest;

  bool at(char c) const { return !rest.empty() && rest.front() == c; }
  bool take(char c) {
    if (!at(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_one_of(std::string_view set) {
    if (rest.empty() || set.find(rest.front()) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::string_view take_while(std::string_view set) {
    const std::size_t end = std::min(rest.find_first_not_of(set), rest.size());
    const std::string_view taken = rest.substr(0, end);
    rest.remove_prefix(end);
    return taken;
  }
  /// Between `least` and `most` decimal digits as a number; nothing when there are fewer.
  std::optional<int> digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    int value = 0;
    while (count < most && count < rest.size() && is_digit(rest[count])) {
      value = value * 10 + (rest[count++] - '0');
    }
    if (count < least) return std::nullopt;
    rest.remove_prefix(count);
    return value;
  }
};

std::string without_underscores(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != '_') result += c;
  }
  return result;
}

bool set_integer(Node& node, std::string_view written) {
  Cursor cursor{written};
  const bool negative = cursor.at('-');
  cursor.take_one_of("+-");
  int base = 10;
  std::string_view allowed = "0123456789_";
  if (cursor.rest.starts_with("0b")) {
    base = 2;
    allowed = "01_";
  } else if (cursor.rest.starts_with("0o")) {
    base = 8;
    allowed = "01234567_";
  } else if (cursor.rest.starts_with("0x")) {
    base = 16;
    allowed = "0123456789abcdefABCDEF_";
  }
  if (base != 10) cursor.rest.remove_prefix(2);
  const std::string digits = without_underscores(cursor.take_while(allowed));
  if (!cursor.rest.empty() || digits.empty()) return false;

  node.kind = Kind::integer;
  std::int64_t value = 0;
  const std::string signed_digits = (negative ? "-" : "") + digits;
  const auto [end, error] = std::from_chars(
      signed_digits.data(), signed_digits.data() + signed_digits.size(), value, base);
  node.flag = error == std::errc{} && end == signed_digits.data() + signed_digits.size();
  node.integer = node.flag ? value : 0;
  node.decimal =
      node.flag ? static_cast<double>(value) : std::strtod(signed_digits.c_str(), nullptr);
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  node.text = node.flag ? std::to_string(value) : (negative ? "-" : "") + digits.substr(first);
  return true;
}

bool set_decimal(Node& node, std::string_view written) {
  Cursor cursor{written};
  cursor.take_one_of("+-");
  const bool negative = written.starts_with('-');
  if (cursor.rest == ".inf" || cursor.rest == ".Inf" || cursor.rest == ".INF") {
    node.kind = Kind::decimal;
    node.decimal = std::numeric_limits<double>::infinity() * (negative ? -1 : 1);
    node.text = negative ? "-inf" : "inf";
    return true;
  }
  if (written == ".nan" || written == ".NaN" || written == ".NAN") {
    node.kind = Kind::decimal;
    node.decimal = std::numeric_limits<double>::quiet_NaN();
    node.text = "nan";
    return true;
  }
  const bool whole_part = !cursor.rest.empty() && is_digit(cursor.rest.front());
  if (whole_part) cursor.take_while("0123456789_");
  const bool point = cursor.take('.');
  const std::string_view fraction = point ? cursor.take_while("0123456789_") : std::string_view{};
  if (!whole_part && fraction.empty()) return false;
  const bool exponent = cursor.take_one_of("eE");
  if (exponent) {
    // Without digits before the point, only an exponent with a sign counts.
    const bool sign = cursor.take_one_of("+-");
    if (!whole_part && !sign) return false;
    if (cursor.take_while("0123456789").empty()) return false;
  }
  if (!cursor.rest.empty() || (!point && !exponent)) return false;
  const std::string digits = without_underscores(written);
  if (digits.find_first_of("0123456789") == std::string::npos) return false;

  node.kind = Kind::decimal;
  node.decimal = std::strtod(digits.c_str(), nullptr);
  node.text = fmt::format("{}", node.decimal);
  if (node.text.find_first_of(".en") == std::string::npos) node.text += ".0";
  return true;
}

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;
  std::string zone;     // "+01:00", empty without one
  bool letter = false;  // a T between date and time
  bool offset = false;  // the zone is written as an offset
};

/// The part after the date: separator, time, fraction, zone. Nothing when it has another form.
std::optional<Clock> read_clock(Cursor& cursor) {
  Clock clock;
  clock.letter = cursor.take_one_of("Tt");
  if (!clock.letter && cursor.take_while(" \t").empty()) return std::nullopt;
  const auto hour = cursor.digits(1, 2);
  if (!hour || !cursor.take(':')) return std::nullopt;
  const auto minute = cursor.digits(2, 2);
  if (!minute || !cursor.take(':')) return std::nullopt;
  const auto second = cursor.digits(2, 2);
  if (!second) return std::nullopt;
  clock.hour = *hour;
  clock.minute = *minute;
  clock.second = *second;
  if (cursor.take('.')) {
    std::string fraction(cursor.take_while("0123456789"));
    const bool up = fraction.size() > 6 && fraction[6] > '4';
    fraction.resize(6, '0');
    clock.microsecond = std::atoi(fraction.c_str()) + (up ? 1 : 0);
  }
  cursor.take_while(" \t");
  if (cursor.take('Z')) {
    clock.zone = "+00:00";
  } else if (cursor.at('+') || cursor.at('-')) {
    clock.offset = true;
    const char sign = cursor.rest.front();
    cursor.rest.remove_prefix(1);
    const auto zone_hour = cursor.digits(1, 2);
    if (!zone_hour) return std::nullopt;
    int zone_minute = 0;
    if (cursor.take(':')) {
      const auto minutes = cursor.digits(2, 2);
      if (!minutes) return std::nullopt;
      zone_minute = *minutes;
    }
    clock.zone = fmt::format("{}{:02}:{:02}", sign, *zone_hour, zone_minute);
    if (clock.zone == "-00:00") clock.zone = "+00:00";
  }
  return clock;
}

enum class Looks { otherwise, a_time, like_a_time_but_none };

Looks set_time(Node& node, std::string_view written) {
  Cursor cursor{written};
  const auto year = cursor.digits(4, 4);
  if (!year || !cursor.take('-')) return Looks::otherwise;
  const std::size_t before = cursor.rest.size();
  const auto month = cursor.digits(1, 2);
  if (!month || !cursor.take('-')) return Looks::otherwise;
  const auto day = cursor.digits(1, 2);
  if (!day) return Looks::otherwise;
  const bool padded = before - cursor.rest.size() == 5;
  const bool date_alone = cursor.rest.empty();
  if (date_alone && !padded) return Looks::otherwise;
  std::optional<Clock> clock;
  if (!date_alone) {
    clock = read_clock(cursor);
    if (!clock || !cursor.rest.empty()) return Looks::otherwise;
  }
  const std::chrono::year_month_day calendar{std::chrono::year{*year},
                                             std::chrono::month{static_cast<unsigned>(*month)},
                                             std::chrono::day{static_cast<unsigned>(*day)}};
  if (!calendar.ok() || *year == 0) return Looks::like_a_time_but_none;
  if (clock && (clock->hour > 23 || clock->minute > 59 || clock->second > 59 ||
                clock->microsecond > 999999)) {
    return Looks::like_a_time_but_none;
  }
  node.kind = date_alone ? Kind::date : Kind::timestamp;
  node.text = fmt::format("{:04}-{:02}-{:02}", *year, *month, *day);
  if (clock) {
    node.text += clock->letter ? "T" : " ";
    node.text += fmt::format("{:02}:{:02}:{:02}", clock->hour, clock->minute, clock->second);
    if (clock->microsecond != 0) node.text += fmt::format(".{:06}", clock->microsecond);
    node.text += clock->zone;
    node.flag = clock->letter || clock->offset;
  }
  return Looks::a_time;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> resolve_plain(Node& node, std::string_view written) {
  node.kind = Kind::text;
  node.text = written;
  if (is_one_of(written, {"", "~", "null", "Null", "NULL"})) {
    node.kind = Kind::null;
    node.text = "None";
    return std::nullopt;
  }
  if (is_one_of(written, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    node.kind = Kind::boolean;
    node.flag = written.front() == 't' || written.front() == 'T';
    node.text = node.flag ? "True" : "False";
    return std::nullopt;
  }
  const char first = written.front();
  if (!is_digit(first) && first != '-' && first != '+' && first != '.') return std::nullopt;
  if (set_integer(node, written) || set_decimal(node, written)) return std::nullopt;
  if (set_time(node, written) == Looks::like_a_time_but_none) return std::string(written);
  return std::nullopt;
}

}  // namespace cupola::meltano::yaml
