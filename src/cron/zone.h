#pragma once

/// A time zone as fire times need it: which offset holds when.
///
/// Rules come from the system's zone data through Howard Hinnant's date library, kept here as a
/// table of spans so that a look-up costs nanoseconds. Exact from the zone's first record to the
/// end of 2199; after that the last offset holds.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

namespace cupola::cron {

class ZoneTable;

/// A value, as cheap to copy as a pointer. What it points to lives as long as the process and does
/// not change: new zone data is seen after a restart. Any thread may use it.
class Zone {
 public:
  using Seconds = std::int64_t;  ///< since 1970: of UTC, or of a wall clock where the name says so

  /// A time during which the offset to UTC stays the same.
  struct Span {
    Seconds begin;     ///< the first second, UTC; far in the past for the first span
    Seconds end;       ///< one past the last, UTC; far in the future for the last span
    Seconds offset;    ///< wall clock minus UTC
    Seconds wall_end;  ///< one past the last second that the wall clock shows
  };

  /// Finds "UTC" or an IANA name such as "Europe/Berlin", spelt exactly.
  /// Fails with Error::Kind::invalid where the system has no such zone; throws Failure where the
  /// system has no zone data at all.
  static Result<Zone> find(std::string_view name);

  static Zone utc();

  const std::string& name() const;

  /// All spans, in order and without holes.
  std::span<const Span> spans() const;

  /// The number of the span that holds `time`.
  std::size_t span_at(Seconds time) const;

  /// The first instant at which the wall clock shows `wall`. Where it never does, because it was
  /// put forward over it, the first whole minute on the wall clock after that.
  Seconds first_instant(Seconds wall) const;

  bool operator==(const Zone& other) const { return table_ == other.table_; }

 private:
  explicit Zone(const ZoneTable* table) : table_(table) {}

  const ZoneTable* table_;  // never null; never freed
};

}  // namespace cupola::cron
