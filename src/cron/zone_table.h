#pragma once

/// The spans of one zone, with an index by time. Private to the module: zone.h is the way in.

#include <array>
#include <string>
#include <vector>

#include "cron/zone.h"

namespace cupola::cron {

class ZoneTable {
 public:
  using Seconds = Zone::Seconds;
  using Span = Zone::Span;

  /// A moment from which another offset holds.
  struct Change {
    Seconds at;
    Seconds offset;
  };

  /// `changes` in order of time; changes to the offset that holds already are left out.
  ZoneTable(std::string name, Seconds first_offset, const std::vector<Change>& changes);

  const std::string& name() const { return name_; }
  const std::vector<Span>& spans() const { return spans_; }
  std::size_t span_at(Seconds time) const;
  Seconds first_instant(Seconds wall) const;

 private:
  // One entry for each 2^24 seconds (half a year) from 1970 to 2200, so that finding a span takes
  // one look and hardly a step.
  static constexpr int bucket_bits = 24;
  static constexpr std::size_t bucket_count = 434;

  std::string name_;
  std::vector<Span> spans_;
  std::array<std::uint16_t, bucket_count> buckets_{};
};

}  // namespace cupola::cron
