#pragma once

/// Time as the whole program knows it: UTC, whole milliseconds since 1970.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cupola {

using namespace std::chrono_literals;

/// A point of time, UTC. Ordered; differences are std::chrono::milliseconds.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

/// Milliseconds since 1970, the form in which the database keeps it.
inline std::int64_t to_milliseconds(Instant instant) {
  return instant.time_since_epoch().count();
}
inline Instant from_milliseconds(std::int64_t count) {
  return Instant{std::chrono::milliseconds{count}};
}

/// RFC 3339 in UTC: "2026-11-23T03:18:00Z", with ".250" before the Z where milliseconds are not 0.
std::string to_rfc3339(Instant instant);

/// Reads RFC 3339 with any offset ("2026-11-23T03:18:00+01:00"), a missing offset read as UTC, a
/// space in place of the T, or a date alone (its midnight, UTC). Empty for anything else.
std::optional<Instant> parse_rfc3339(std::string_view text);

/// Reads a span such as "90s", "15m", "2h", "30d", "1h30m". Empty for anything else.
std::optional<std::chrono::milliseconds> parse_span(std::string_view text);

/// The two leading units for a person: "1 d 4 h", "2 h 3 min", "41 s", "350 ms".
std::string to_text(std::chrono::milliseconds span);

}  // namespace cupola
