#include "cron/expression.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "cron/calendar.h"
#include "cron/parse.h"

namespace cupola::cron {
namespace {

constexpr std::size_t most_characters = 1000;

/// What an @name stands for; empty fields for one without a clock.
struct Name {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Name, 10> names = {{{"@hourly", "0 * * * *"},
                                         {"@daily", "0 0 * * *"},
                                         {"@midnight", "0 0 * * *"},
                                         {"@weekly", "0 0 * * 0"},
                                         {"@monthly", "0 0 1 * *"},
                                         {"@yearly", "0 0 1 1 *"},
                                         {"@annually", "0 0 1 1 *"},
                                         {"@once", ""},
                                         {"@manual", ""},
                                         {"@none", ""}}};

Error refusal(std::string_view text, std::string_view what, std::string hint) {
  return {Error::Kind::invalid,
          fmt::format("The cron expression {} cannot be used: {}.", quoted(text), what),
          std::move(hint)};
}

std::vector<std::string_view> split_at_space(std::string_view text) {
  std::vector<std::string_view> parts;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const std::string_view part = text.substr(0, text.find_first_of(" \t\n\v\f\r"));
    parts.push_back(part);
    text.remove_prefix(part.size());
  }
  return parts;
}

/// Vixie and Debian ask for the field's first character alone: `*/2` and `*,5` are stars too.
bool is_star(std::string_view field) {
  return field.front() == '*' || field == "?";
}

/// Five fields in capitals, and as they were written.
Result<Fields> parse_five(const std::vector<std::string_view>& parts,
                          const std::vector<std::string_view>& written) {
  std::array<FieldValues, field_count> values;
  for (unsigned i = 0; i < field_count; ++i) {
    const Result<FieldValues> one = parse_field(static_cast<FieldIndex>(i), parts[i], written[i]);
    if (!one) return one.error();
    values[i] = *one;
  }
  const std::uint64_t weekdays = values[weekday_field].values;
  return Fields{
      .minutes = values[minute_field].values,
      .hours = static_cast<std::uint32_t>(values[hour_field].values),
      .days = static_cast<std::uint32_t>(values[day_field].values),
      .months = static_cast<std::uint16_t>(values[month_field].values),
      .weekdays = static_cast<std::uint8_t>((weekdays | weekdays >> 7) & 0x7f),
      .last_day = values[day_field].last_day,
      .last_weekday = values[day_field].last_weekday,
      .nth_days = values[weekday_field].nth_days,
      .both_days = is_star(parts[day_field]) || is_star(parts[weekday_field]),
      .real_time = parts[minute_field].front() == '*' || parts[hour_field].front() == '*',
  };
}

/// Whether the days asked for are days that none of the months has: 30 February, 31 April.
bool is_never(const Fields& fields) {
  if (!fields.both_days || fields.last_day || fields.last_weekday) return false;
  const auto first = static_cast<unsigned>(std::countr_zero(fields.days));
  constexpr std::uint16_t months_of_31 = 0b1010110101010;
  if (first == 31) return (fields.months & months_of_31) == 0;
  return first == 30 && fields.months == (1u << 2);
}

std::string five_of(const std::vector<std::string_view>& parts, std::size_t from) {
  return fmt::format("{}", fmt::join(parts.begin() + static_cast<std::ptrdiff_t>(from),
                                     parts.begin() + static_cast<std::ptrdiff_t>(from) + 5, " "));
}

/// Quartz and Spring put seconds first (and a year seventh); croniter puts seconds sixth.
std::string hint_for_more_than_five(const std::vector<std::string_view>& parts) {
  const std::string general = "Write five fields: minute hour day-of-month month day-of-week.";
  if (parts.size() > 7) return general;
  std::vector<std::string> candidates;
  for (const std::size_t from : {std::size_t{1}, std::size_t{0}}) {
    const std::string five = five_of(parts, from);
    if ((from == 1 || parts.size() == 6) && Expression::parse(five)) candidates.push_back(five);
  }
  if (candidates.empty()) return general;
  const bool starts_with_seconds = candidates[0] == five_of(parts, 1);
  std::string hint = fmt::format(
      "Cupola starts runs by the minute; leave out the {} and write the five fields '{}'.",
      parts.size() == 7 ? "seconds in front and the year at the end"
                        : (starts_with_seconds ? "seconds in front" : "sixth field"),
      candidates[0]);
  if (candidates.size() == 2 && candidates[0] != candidates[1])
    hint += fmt::format(" If the seconds stood last, write '{}'.", candidates[1]);
  return hint;
}

Result<Expression> refuse_count(std::string_view text, const std::vector<std::string_view>& parts) {
  if (parts.size() > 5)
    return refusal(text,
                   fmt::format("it has {} fields, and cron here has five (minute hour day-of-month "
                               "month day-of-week)",
                               parts.size()),
                   hint_for_more_than_five(parts));
  if (parts.empty())
    return refusal(text, "it is empty",
                   "Write five fields such as '0 6 * * *', or a name such as @daily.");
  return refusal(text,
                 fmt::format("it has {} field{} of the five (minute hour day-of-month month "
                             "day-of-week)",
                             parts.size(), parts.size() == 1 ? "" : "s"),
                 "Write five fields such as '0 6 * * *' (at 06:00 every day), or a name such as "
                 "@daily.");
}

Error refuse_name(std::string_view text, std::string_view name) {
  std::vector<std::string> known;
  for (const Name& one : names) known.emplace_back(one.name);
  const std::string hint =
      name == "@reboot"
          ? "A schedule has no machine that restarts: use a time such as @daily, or @manual."
          : "Write one of " + join(known, ", ") + ".";
  return refusal(text, fmt::format("the name {} is not known", quoted(name)), hint);
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  const std::string_view trimmed = trim(text);
  if (trimmed.size() > most_characters)
    return refusal(trimmed.substr(0, 60),
                   fmt::format("it goes on for {} characters, and {} are allowed", trimmed.size(),
                               most_characters),
                   "Write ranges and steps in place of long lists.");
  const std::string capitals = to_upper(trimmed);
  std::vector<std::string_view> parts = split_at_space(capitals);
  std::vector<std::string_view> written = split_at_space(trimmed);

  if (!parts.empty() && parts.front().front() == '@') {
    const std::string name = to_lower(trimmed);
    const auto known =
        std::find_if(names.begin(), names.end(), [&](const Name& one) { return one.name == name; });
    if (known == names.end()) return refuse_name(trimmed, name);
    if (known->fields.empty()) return Expression(std::string(trimmed), Fields{}, false);
    parts = written = split_at_space(known->fields);
  }
  if (parts.size() != 5) return refuse_count(trimmed, written);

  const Result<Fields> fields = parse_five(parts, written);
  if (!fields) return refusal(trimmed, fields.error().message, fields.error().hint);
  if (is_never(*fields)) {
    const FieldRule& rule = field_rules[day_field];
    return refusal(
        trimmed,
        fmt::format("{} {} never comes in month {}, though {} is allowed", rule.name,
                    quoted(written[day_field]), quoted(written[month_field]), rule.range),
        "Write L for the last day of the month; for a schedule that never fires, write @manual.");
  }
  return Expression(std::string(trimmed), *fields, true);
}

bool Expression::operator==(const Expression& other) const {
  const Fields& a = fields_;
  const Fields& b = other.fields_;
  if (!has_clock_ || !other.has_clock_) return has_clock_ == other.has_clock_;
  if (a.minutes != b.minutes || a.hours != b.hours || a.real_time != b.real_time) return false;
  // Day fields that read differently may mean the same days; there are but seven kinds of each
  // length of month, so the days themselves are compared.
  for (unsigned month = 1; month <= 12; ++month) {
    const unsigned longest = month == 2 ? 29 : 30 + ((month + (month >> 3)) & 1);
    for (unsigned length = month == 2 ? 28 : longest; length <= longest; ++length) {
      for (unsigned first = 0; first < 7; ++first) {
        if (matching_days(a, month, length, first) != matching_days(b, month, length, first))
          return false;
      }
    }
  }
  return true;
}

}  // namespace cupola::cron
