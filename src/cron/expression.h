#pragma once

/// Cron expressions: what a schedule's `interval` says.
///
/// The fields and their rules are those of crontab(5) on Debian, held against cronsim. Pure: no
/// clock, no zone, no threads; fires.h says when an expression fires.

#include <string>
#include <string_view>

#include "base/outcome.h"
#include "cron/fields.h"

namespace cupola::cron {

class Expression {
 public:
  /// Parses five fields, separated by white space, or one @name; upper and lower case are alike.
  ///
  ///     minute 0-59   hour 0-23   day of month 1-31   month 1-12, JAN-DEC   day of week 0-7,
  ///     SUN-SAT
  ///
  /// Each field is `*` or a list of values, ranges `a-b` and steps `*/n`, `a-b/n`, `a/n` (from a to
  /// the field's end). 0 and 7 are Sunday. Day of month knows `L` (the last day) and `LW` (the last
  /// from Monday to Friday), day of week `5L` (the last Friday) and `5#2` (the second). `?` stands
  /// for `*` in the two day fields. Where neither day field begins with `*`, a day that matches
  /// one of them is enough (Vixie's rule).
  ///
  /// @hourly @daily @midnight @weekly @monthly @yearly @annually are short for five fields; @once,
  /// @manual and @none have no clock.
  ///
  /// Fails with Error::Kind::invalid; the message names field, text and range, the hint what to
  /// write. Six and seven fields are refused, and so is a day that no month has (30 February).
  static Result<Expression> parse(std::string_view text);

  /// Whether it ever fires by itself: false for @once, @manual and @none.
  bool has_clock() const { return has_clock_; }

  /// As written, without white space at either end.
  const std::string& text() const { return text_; }

  /// In English: "every 15 minutes", "at 03:05 every day", "at 00:00 on day 1 of each month".
  std::string describe() const;

  /// What it matches; all empty without a clock.
  const Fields& fields() const { return fields_; }

  /// Whether both fire at the same instants in every zone: `0 0 * * 0` equals @weekly and
  /// `0 0 * * SUN`. Costs about a microsecond.
  bool operator==(const Expression& other) const;

 private:
  Expression(std::string text, const Fields& fields, bool has_clock)
      : text_(std::move(text)), fields_(fields), has_clock_(has_clock) {}

  std::string text_;
  Fields fields_;
  bool has_clock_ = true;
};

}  // namespace cupola::cron
