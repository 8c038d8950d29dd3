#include "cron/zone.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "base/text.h"
#include "cron/zone_data.h"
#include "cron/zone_table.h"

namespace cupola::cron {
namespace {

/// Every zone that was asked for; kept for the life of the process, so that Zone is a pointer.
class LoadedZones {
 public:
  /// Null where the system has no such zone; those are not kept, so names from outside cannot
  /// fill the memory.
  const ZoneTable* find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto known = tables_.find(name);
    if (known != tables_.end()) return known->second.get();
    std::unique_ptr<const ZoneTable> table = load_zone(name);
    if (!table) return nullptr;
    return tables_.emplace(name, std::move(table)).first->second.get();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const ZoneTable>> tables_;
};

/// The zone that differs in its capitals alone, or is the last part of the name ("Berlin").
std::string likely_name(std::string_view name) {
  const std::string wanted = to_lower(name);
  std::string by_city;
  for (const std::string& zone : zone_names()) {
    const std::string lower = to_lower(zone);
    if (lower == wanted) return zone;
    if (by_city.empty() && lower.ends_with("/" + wanted)) by_city = zone;
  }
  return by_city;
}

Error unknown_zone(std::string_view name) {
  std::string hint = "Write UTC or an IANA name such as Europe/Berlin or America/New_York.";
  if (const std::string likely = name.empty() ? "" : likely_name(name); !likely.empty())
    hint = fmt::format("Write {}.", likely);
  return {Error::Kind::invalid,
          fmt::format("There is no time zone {} in this system's zone data.", quoted(name, 60)),
          std::move(hint)};
}

}  // namespace

Result<Zone> Zone::find(std::string_view name) {
  if (name == "UTC") return utc();
  static LoadedZones loaded;
  constexpr std::size_t longest = 64;
  const ZoneTable* table = name.size() > longest ? nullptr : loaded.find(std::string(name));
  if (table == nullptr) return unknown_zone(name.substr(0, longest));
  return Zone(table);
}

Zone Zone::utc() {
  static const ZoneTable table("UTC", 0, {});
  return Zone(&table);
}

const std::string& Zone::name() const {
  return table_->name();
}

std::span<const Zone::Span> Zone::spans() const {
  return table_->spans();
}

std::size_t Zone::span_at(Seconds time) const {
  return table_->span_at(time);
}

Zone::Seconds Zone::first_instant(Seconds wall) const {
  return table_->first_instant(wall);
}

}  // namespace cupola::cron
