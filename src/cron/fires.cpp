#include "cron/fires.h"

#include <algorithm>
#include <bit>

#include "cron/calendar.h"

namespace cupola::cron {
namespace {

using Seconds = Zone::Seconds;
using Span = Zone::Span;

constexpr Seconds limit = std::chrono::seconds{search_limit}.count();
constexpr Seconds day_length = 86'400;

WallMinute ceil_minute(Seconds seconds) {
  return seconds / 60 + (seconds % 60 > 0 ? 1 : 0);
}
WallMinute floor_minute(Seconds seconds) {
  return seconds / 60 - (seconds % 60 < 0 ? 1 : 0);
}

/// Within the years that the interface promises; beyond them sums could overflow.
bool is_in_reach(Instant instant) {
  using namespace std::chrono;
  return instant >= sys_days{year{1} / January / 1} &&
         instant < sys_days{year{10000} / January / 1};
}

// In real time each span of constant offset is a calendar of its own.

std::optional<Seconds> next_in_real_time(const Fields& fields, const Zone& zone, Seconds from,
                                         Seconds to) {
  const auto spans = zone.spans();
  for (std::size_t at = zone.span_at(from); at < spans.size() && spans[at].begin <= to; ++at) {
    const Span& span = spans[at];
    const auto match = first_match(fields, ceil_minute(std::max(from, span.begin) + span.offset),
                                   floor_minute(std::min(to, span.end - 1) + span.offset));
    if (match) return *match * 60 - span.offset;
  }
  return std::nullopt;
}

std::optional<Seconds> previous_in_real_time(const Fields& fields, const Zone& zone, Seconds from,
                                             Seconds to) {
  const auto spans = zone.spans();
  for (std::size_t at = zone.span_at(to) + 1; at-- > 0 && spans[at].end > from;) {
    const Span& span = spans[at];
    const auto match = last_match(fields, ceil_minute(std::max(from, span.begin) + span.offset),
                                  floor_minute(std::min(to, span.end - 1) + span.offset));
    if (match) return *match * 60 - span.offset;
  }
  return std::nullopt;
}

// A fixed time is looked for on the wall clock, then put on the one instant at which it fires.
// Both steps keep the order, so the first match whose instant is late enough is the answer.

std::optional<Seconds> next_at_fixed_time(const Fields& fields, const Zone& zone, Seconds from,
                                          Seconds to) {
  const auto spans = zone.spans();
  // Right after a gap the times in it fire, so the search begins before it.
  Seconds begin = from;
  std::size_t at = zone.span_at(begin);
  if (begin - 60 < spans[at].begin) at = zone.span_at(begin -= 60);
  // In a repeated hour, what the wall clock showed already has fired.
  Seconds wall = begin + spans[at].offset;
  if (at > 0) wall = std::max(wall, spans[at - 1].wall_end);
  const WallMinute last = floor_minute(to + day_length * 2);
  for (WallMinute minute = ceil_minute(wall);;) {
    const auto match = first_match(fields, minute, last);
    if (!match) return std::nullopt;
    const Seconds instant = zone.first_instant(*match * 60);
    if (instant >= from) return instant <= to ? std::optional{instant} : std::nullopt;
    minute = *match + 1;
  }
}

std::optional<Seconds> previous_at_fixed_time(const Fields& fields, const Zone& zone, Seconds from,
                                              Seconds to) {
  const auto spans = zone.spans();
  const std::size_t at = zone.span_at(to);
  Seconds wall = to + spans[at].offset;
  if (at > 0) wall = std::max(wall, spans[at - 1].wall_end - 1);
  const WallMinute first = floor_minute(from - day_length * 2);
  for (WallMinute minute = floor_minute(wall);;) {
    const auto match = last_match(fields, first, minute);
    if (!match) return std::nullopt;
    const Seconds instant = zone.first_instant(*match * 60);
    if (instant <= to) return instant >= from ? std::optional{instant} : std::nullopt;
    minute = *match - 1;
  }
}

/// The first fire in [from, to], seconds since 1970.
std::optional<Seconds> next(const Fields& fields, const Zone& zone, Seconds from, Seconds to) {
  return fields.real_time ? next_in_real_time(fields, zone, from, to)
                          : next_at_fixed_time(fields, zone, from, to);
}

/// The number of fires in (begin, end].
std::int64_t count(const Fields& fields, const Zone& zone, Seconds begin, Seconds end) {
  const int fires_a_day = std::popcount(fields.minutes) * std::popcount(fields.hours);
  const auto spans = zone.spans();
  std::int64_t fires = 0;
  for (Seconds at = begin + 1; at <= end;) {
    const Span& span = spans[zone.span_at(at)];
    const Seconds wall = at + span.offset;
    // A whole day on an even clock is counted at one stroke; at the ends, and for two days around
    // a change of the clock (the longest is a day), fire by fire.
    const bool is_even = wall % day_length == 0 && at - 2 * day_length >= span.begin &&
                         at + 2 * day_length <= span.end && at + day_length - 1 <= end;
    if (is_even) {
      if (matches_day(fields, wall / day_length)) fires += fires_a_day;
      at += day_length;
      continue;
    }
    const Seconds into_day = (wall % day_length + day_length) % day_length;
    const Seconds stop = std::min({end, at + day_length - into_day - 1, span.end - 1});
    const auto fire = next(fields, zone, at, stop);
    fires += fire ? 1 : 0;
    at = fire ? *fire + 1 : stop + 1;
  }
  return fires;
}

Seconds whole_seconds(Instant instant) {
  return std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count();
}

Fire to_fire(Seconds nominal, std::chrono::minutes offset) {
  const Instant instant{std::chrono::seconds{nominal}};
  return {.nominal = instant, .due = instant + offset};
}

}  // namespace

std::optional<Fire> next_fire(const Timing& timing, Instant after) {
  if (!timing.expression.has_clock() || !is_in_reach(after)) return std::nullopt;
  const Instant start = after - timing.offset;
  const Seconds floor = std::chrono::floor<std::chrono::seconds>(start).time_since_epoch().count();
  const auto found = next(timing.expression.fields(), timing.zone, floor + 1, floor + limit);
  if (!found) return std::nullopt;
  return to_fire(*found, timing.offset);
}

std::optional<Fire> previous_fire(const Timing& timing, Instant before) {
  if (!timing.expression.has_clock() || !is_in_reach(before)) return std::nullopt;
  const Instant start = before - timing.offset;
  const Seconds ceil = std::chrono::ceil<std::chrono::seconds>(start).time_since_epoch().count();
  const Fields& fields = timing.expression.fields();
  const auto found = fields.real_time
                         ? previous_in_real_time(fields, timing.zone, ceil - limit, ceil - 1)
                         : previous_at_fixed_time(fields, timing.zone, ceil - limit, ceil - 1);
  if (!found) return std::nullopt;
  return to_fire(*found, timing.offset);
}

std::int64_t count_fires(const Timing& timing, Instant after, Instant until) {
  if (!timing.expression.has_clock() || !is_in_reach(after) || !is_in_reach(until)) return 0;
  return count(timing.expression.fields(), timing.zone, whole_seconds(after - timing.offset),
               whole_seconds(until - timing.offset));
}

double fires_per_day(const Expression& expression, const Zone& zone, Instant from) {
  if (!expression.has_clock() || !is_in_reach(from)) return 0;
  constexpr int days = 365;
  const Seconds begin = whole_seconds(from);
  return static_cast<double>(count(expression.fields(), zone, begin, begin + days * day_length)) /
         days;
}

}  // namespace cupola::cron
