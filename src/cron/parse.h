#pragma once

/// Reads one field of a cron expression. Private to the module: expression.h is the way in.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/outcome.h"

namespace cupola::cron {

/// One of the five fields: what it is called, what may stand in it.
struct FieldRule {
  std::string_view name;
  unsigned low;
  unsigned high;
  std::string_view range;    ///< for messages: "0-7 or SUN-SAT"
  std::string_view example;  ///< for hints: "a day such as 1 or L, ..."
  std::span<const std::string_view> names = {};
  unsigned first_name = 0;  ///< the value of names[0]
};

/// The fields in the order in which they are written.
enum FieldIndex { minute_field, hour_field, day_field, month_field, weekday_field, field_count };
extern const std::array<FieldRule, field_count> field_rules;

/// What a field matches.
struct FieldValues {
  std::uint64_t values = 0;    ///< bit for each value; day of week has both 0 and 7
  bool last_day = false;       ///< L
  bool last_weekday = false;   ///< LW
  std::uint64_t nth_days = 0;  ///< as Fields::nth_days
};

/// Reads `capitals`, a field without white space in capital letters; `written` is the same as the
/// user wrote it, for the message. The Error's message has no subject: "hour '25' is outside 0-23".
Result<FieldValues> parse_field(FieldIndex index, std::string_view capitals,
                                std::string_view written);

}  // namespace cupola::cron
