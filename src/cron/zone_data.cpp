#include "cron/zone_data.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <date/tz.h>
#include <fmt/format.h>

#include "cron/posix_rule.h"

namespace cupola::cron {
namespace {

using Seconds = Zone::Seconds;
constexpr int first_year_beyond = 2200;

/// Runs `read`, with the date library's exceptions turned into a Failure.
template <typename Read>
decltype(auto) reading(Read read) {
  try {
    return read();
  } catch (const std::runtime_error& error) {
    throw Failure(
        fmt::format("The system's time zone data could not be read from /usr/share/zoneinfo: {}. "
                    "Install the package tzdata.",
                    error.what()));
  }
}

const date::tzdb& database() {
  return reading([]() -> const date::tzdb& { return date::get_tzdb(); });
}

const date::time_zone* locate(const std::string& name) {
  const auto& zones = database().zones;
  const auto found = std::find_if(zones.begin(), zones.end(),
                                  [&](const date::time_zone& zone) { return zone.name() == name; });
  return found == zones.end() ? nullptr : &*found;
}

/// The last line of the zone's file: its rule for the years after its records. Empty where the
/// file is elsewhere or has none; the last record then holds for ever.
std::string closing_rule(const std::string& name) {
  std::ifstream file("/usr/share/zoneinfo/" + name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < 2 || bytes.compare(0, 4, "TZif") != 0 || bytes.back() != '\n') return "";
  const auto before = bytes.rfind('\n', bytes.size() - 2);
  return before == std::string::npos ? "" : bytes.substr(before + 1, bytes.size() - before - 2);
}

std::vector<ZoneTable::Change> changes_of(const date::time_zone& zone, Seconds& first_offset) {
  const date::sys_seconds end = date::sys_days{date::year{first_year_beyond} / 1 / 1};
  date::sys_info info = zone.get_info(date::sys_seconds{date::sys_days{date::year{1800} / 1 / 1}});
  first_offset = info.offset.count();

  std::vector<ZoneTable::Change> changes;
  while (info.end < end) {
    const date::sys_seconds at = info.end;
    info = zone.get_info(at);
    changes.push_back({at.time_since_epoch().count(), info.offset.count()});
  }
  return changes;
}

int year_of(Seconds time) {
  const date::sys_seconds instant{std::chrono::seconds{time}};
  return static_cast<int>(date::year_month_day{date::floor<date::days>(instant)}.year());
}

}  // namespace

std::unique_ptr<const ZoneTable> load_zone(const std::string& name) {
  const date::time_zone* zone = locate(name);
  if (zone == nullptr) return nullptr;

  Seconds first_offset = 0;
  std::vector<ZoneTable::Change> changes = reading([&] { return changes_of(*zone, first_offset); });
  const Seconds recorded = changes.empty() ? 0 : changes.back().at;
  if (const auto more = posix_changes(closing_rule(name), year_of(recorded), first_year_beyond)) {
    std::copy_if(more->begin(), more->end(), std::back_inserter(changes),
                 [&](const ZoneTable::Change& change) { return change.at > recorded; });
  }
  return std::make_unique<const ZoneTable>(name, first_offset, changes);
}

std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  for (const date::time_zone& zone : database().zones) names.push_back(zone.name());
  return names;
}

}  // namespace cupola::cron
