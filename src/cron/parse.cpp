#include "cron/parse.h"

#include <algorithm>
#include <bit>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::cron {
namespace {

constexpr std::array<std::string_view, 12> month_names = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names = {"SUN", "MON", "TUE", "WED",
                                                           "THU", "FRI", "SAT"};
constexpr unsigned no_number = ~0u;
constexpr unsigned too_great = 100'000;

/// Reads one field, `text_`; every piece that its functions take is a part of that.
class FieldParser {
 public:
  FieldParser(FieldIndex index, std::string_view capitals, std::string_view written)
      : index_(index), rule_(field_rules[index]), text_(capitals), written_(written) {}

  Result<FieldValues> parse() const;

 private:
  Result<FieldValues> parse_item(std::string_view item) const;
  Result<FieldValues> parse_step(std::string_view item, std::size_t slash) const;
  Result<FieldValues> parse_range(std::string_view item, std::size_t dash) const;
  Result<FieldValues> parse_nth(std::string_view item, std::size_t hash) const;
  Result<FieldValues> parse_last(std::string_view item) const;
  Result<unsigned> parse_value(std::string_view word) const;

  /// The piece as the user wrote it.
  std::string_view as_written(std::string_view piece) const {
    return written_.substr(static_cast<std::size_t>(piece.data() - text_.data()), piece.size());
  }
  Error fault(std::string_view piece, std::string_view what, std::string hint = {}) const;

  FieldIndex index_;
  const FieldRule& rule_;
  std::string_view text_;
  std::string_view written_;
};

/// Digits only; a number too great for any field gives `too_great`.
unsigned to_number(std::string_view digits) {
  if (digits.empty()) return no_number;
  unsigned number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return no_number;
    number = std::min(number * 10 + static_cast<unsigned>(c - '0'), too_great);
  }
  return number;
}

std::uint64_t bits_between(unsigned low, unsigned high) {
  return (~std::uint64_t{0} >> (63 - (high - low))) << low;
}

/// The first set bit and each `step`th after it.
std::uint64_t every_nth_bit(std::uint64_t bits, unsigned step) {
  std::uint64_t result = 0;
  for (unsigned index = 0; bits != 0; ++index, bits &= bits - 1) {
    if (index % step == 0) result |= bits & -bits;
  }
  return result;
}

Error FieldParser::fault(std::string_view piece, std::string_view what, std::string hint) const {
  std::string message = fmt::format("{} {} {}", rule_.name, quoted(as_written(piece)), what);
  if (piece != text_) message += fmt::format(" (in {})", quoted(written_));
  if (hint.empty()) hint = fmt::format("Write {}.", rule_.example);
  return {Error::Kind::invalid, std::move(message), std::move(hint)};
}

Result<FieldValues> FieldParser::parse() const {
  FieldValues all;
  for (const std::string_view item : split(text_, ',')) {
    const Result<FieldValues> one = parse_item(item);
    if (!one) return one.error();
    all.values |= one->values;
    all.last_day |= one->last_day;
    all.last_weekday |= one->last_weekday;
    all.nth_days |= one->nth_days;
  }
  return all;
}

Result<FieldValues> FieldParser::parse_item(std::string_view item) const {
  if (item == "*") return FieldValues{.values = bits_between(rule_.low, rule_.high)};
  if (item.empty())
    return fault(text_, fmt::format("has an empty place; {} is allowed", rule_.range),
                 "Take out the comma that has nothing beside it.");
  if (index_ == weekday_field && item.find('L') != std::string_view::npos) return parse_last(item);
  if (index_ == weekday_field) {
    if (const auto hash = item.find('#'); hash != std::string_view::npos)
      return parse_nth(item, hash);
  }
  if (const auto slash = item.find('/'); slash != std::string_view::npos)
    return parse_step(item, slash);
  if (const auto dash = item.find('-'); dash != std::string_view::npos)
    return parse_range(item, dash);
  if (index_ == day_field && item == "L") return FieldValues{.last_day = true};
  if (index_ == day_field && item == "LW") return FieldValues{.last_weekday = true};

  const Result<unsigned> value = parse_value(item);
  if (!value) return value.error();
  return FieldValues{.values = std::uint64_t{1} << *value};
}

Result<FieldValues> FieldParser::parse_step(std::string_view item, std::size_t slash) const {
  const std::string_view base = item.substr(0, slash);
  const unsigned step = to_number(item.substr(slash + 1));
  if (step == no_number || step == 0)
    return fault(item,
                 fmt::format("has the step {}; a step is a whole number from 1, within {}",
                             quoted(as_written(item.substr(slash + 1))), rule_.range),
                 fmt::format("Write {}/2 for each second value.", base.empty() ? "*" : base));
  if (base.empty())
    return fault(item, fmt::format("has nothing before the slash; * or {} is allowed", rule_.range),
                 fmt::format("Write */{}.", step));

  Result<FieldValues> result = parse_item(base);
  if (!result || result->values == 0) return result;  // L and LW are one day, whatever the step
  // A single value is where the steps begin; they go on to the field's end.
  if (std::has_single_bit(result->values)) {
    const auto start = static_cast<unsigned>(std::countr_zero(result->values));
    result->values = bits_between(start, rule_.high);
  }
  result->values = every_nth_bit(result->values, step);
  return result;
}

Result<FieldValues> FieldParser::parse_range(std::string_view item, std::size_t dash) const {
  if (dash == 0 || dash + 1 == item.size())
    return fault(item, fmt::format("is a range without {}; {} is allowed",
                                   dash == 0 ? "a start" : "an end", rule_.range));
  const Result<unsigned> start = parse_value(item.substr(0, dash));
  if (!start) return start.error();
  const Result<unsigned> end = parse_value(item.substr(dash + 1));
  if (!end) return end.error();
  if (*end < *start) {
    const std::string_view first = as_written(item.substr(0, dash));
    std::string hint = index_ == weekday_field && *end == 0
                           ? fmt::format("Sunday at the end of a range is 7: write {}-7.", first)
                           : fmt::format("Write {}-{},{}-{}.", first, rule_.high, rule_.low,
                                         as_written(item.substr(dash + 1)));
    return fault(item,
                 fmt::format("runs backwards; within {}, a range begins with its smaller value",
                             rule_.range),
                 std::move(hint));
  }
  return FieldValues{.values = bits_between(*start, *end)};
}

Result<FieldValues> FieldParser::parse_nth(std::string_view item, std::size_t hash) const {
  const unsigned nth = to_number(item.substr(hash + 1));
  if (nth == no_number || nth < 1 || nth > 5)
    return fault(
        item,
        fmt::format("names no week after the #; a day in {}, then #1-#5 is allowed", rule_.range),
        "Write 5#2 or FRI#2 for the second Friday of the month.");
  const Result<unsigned> value = parse_value(item.substr(0, hash));
  if (!value) return value.error();
  return FieldValues{.nth_days = std::uint64_t{1} << (7 * (nth - 1) + *value % 7)};
}

Result<FieldValues> FieldParser::parse_last(std::string_view item) const {
  const std::string_view digits = item.substr(0, item.size() - 1);
  if (item.back() != 'L' || to_number(digits) == no_number)
    return fault(
        item, fmt::format("is neither in {} nor a number with L after it", rule_.range),
        "Write 5L for the last Friday of the month; L alone, the month's last day, belongs "
        "in the third field.");
  const Result<unsigned> value = parse_value(digits);
  if (!value) return value.error();
  return FieldValues{.nth_days = std::uint64_t{1} << (35 + *value % 7)};
}

Result<unsigned> FieldParser::parse_value(std::string_view word) const {
  const auto named = std::find(rule_.names.begin(), rule_.names.end(), word);
  if (named != rule_.names.end())
    return rule_.first_name + static_cast<unsigned>(named - rule_.names.begin());

  const unsigned number = to_number(word);
  if (number == no_number) {
    std::string hint;
    if (word == "?") hint = "Write * : ? stands alone, for the day of month or the day of week.";
    return fault(word, fmt::format("cannot be read; {} is allowed", rule_.range), std::move(hint));
  }
  if (number < rule_.low || number > rule_.high)
    return fault(word, fmt::format("is outside {}", rule_.range));
  return number;
}

}  // namespace

const std::array<FieldRule, field_count> field_rules = {{
    {"minute", 0, 59, "0-59", "a minute such as 30, a list such as 0,30, or a step such as */15"},
    {"hour", 0, 23, "0-23", "an hour such as 6, a range such as 9-17, or a step such as */2"},
    {"day-of-month", 1, 31, "1-31 or L",
     "a day such as 1, a list such as 1,15, L for the last day, or * for each"},
    {"month", 1, 12, "1-12 or JAN-DEC",
     "a month such as 6 or JUN, a range such as 1-3, or * for each", month_names, 1},
    {"day-of-week", 0, 7, "0-7 or SUN-SAT",
     "a day such as MON, a range such as MON-FRI, or * for each; 0 and 7 are Sunday", weekday_names,
     0},
}};

Result<FieldValues> parse_field(FieldIndex index, std::string_view capitals,
                                std::string_view written) {
  const bool is_day = index == day_field || index == weekday_field;
  if (is_day && capitals == "?") capitals = "*";
  return FieldParser(index, capitals, written).parse();
}

}  // namespace cupola::cron
