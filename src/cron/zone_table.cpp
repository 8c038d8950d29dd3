#include "cron/zone_table.h"

#include <algorithm>

#include "base/check.h"

namespace cupola::cron {
namespace {

// Far enough for every Instant in reach of fires.h, and safe to add offsets to.
constexpr ZoneTable::Seconds far = ZoneTable::Seconds{1} << 50;

}  // namespace

ZoneTable::ZoneTable(std::string name, Seconds first_offset, const std::vector<Change>& changes)
    : name_(std::move(name)) {
  spans_.push_back({-far, far, first_offset, far});
  for (const Change& change : changes) {
    Span& last = spans_.back();
    if (change.offset == last.offset) continue;
    last.end = change.at;
    last.wall_end = change.at + last.offset;
    spans_.push_back({change.at, far, change.offset, far});
  }
  CUPOLA_CHECK(spans_.size() < 65'536);

  for (std::size_t i = 0; i < bucket_count; ++i) {
    const Seconds begin = static_cast<Seconds>(i) << bucket_bits;
    const auto after =
        std::upper_bound(spans_.begin(), spans_.end(), begin,
                         [](Seconds time, const Span& span) { return time < span.begin; });
    buckets_[i] = static_cast<std::uint16_t>(after - spans_.begin() - 1);
  }
}

std::size_t ZoneTable::span_at(Seconds time) const {
  if (spans_.size() == 1) return 0;
  const Seconds bucket = time >> bucket_bits;
  std::size_t at =
      bucket < 0
          ? 0
          : buckets_[std::min<std::size_t>(static_cast<std::size_t>(bucket), bucket_count - 1)];
  while (time >= spans_[at].end && at + 1 < spans_.size()) ++at;
  return at;
}

ZoneTable::Seconds ZoneTable::first_instant(Seconds wall) const {
  constexpr Seconds widest_offset = 26 * 3600;
  std::size_t at = span_at(wall - widest_offset);
  while (wall >= spans_[at].wall_end && at + 1 < spans_.size()) ++at;
  const Span& span = spans_[at];
  if (wall - span.offset >= span.begin) return wall - span.offset;
  const Seconds shown = span.begin + span.offset;
  const Seconds into_minute = (shown % 60 + 60) % 60;
  return span.begin + (into_minute == 0 ? 0 : 60 - into_minute);
}

}  // namespace cupola::cron
