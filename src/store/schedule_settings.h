#pragma once

/// Settings of a schedule beside its interval. `meltano.yml` gives some (`annotations: cupola:`),
/// the API sets some, under the same names; what the API sets wins.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"

namespace cupola::store {

/// What happens when a fire comes while the schedule's last run is still going.
enum class Overlap { queue_one, skip, allow };
std::string_view to_text(Overlap overlap);
std::optional<Overlap> parse_overlap(std::string_view text);

/// What happens to fires that came 60 s late or more.
enum class Missed { latest, skip, all };
std::string_view to_text(Missed missed);
std::optional<Missed> parse_missed(std::string_view text);

/// The most failures in a row that a schedule may be made to wait for.
inline constexpr int most_pause_after = 1000;
/// An offset by hand is shorter; that it is shorter than the schedule's interval, too, is asked
/// elsewhere (cron/offset.h).
inline constexpr std::chrono::minutes longest_offset = 24h;

/// A constant offset that somebody chose, or none: then the one that was drawn holds.
struct OffsetRule {
  std::optional<std::chrono::minutes> minutes;
  bool operator==(const OffsetRule&) const = default;
};

/// What is empty is not said.
struct ScheduleSettings {
  std::optional<std::string> timezone;
  std::optional<Overlap> overlap;
  std::optional<Missed> missed;
  std::optional<int> retries;  ///< attempts after the first; of runs by the clock
  std::optional<std::chrono::milliseconds> retry_wait;
  std::optional<std::chrono::milliseconds> run_timeout;
  std::optional<int> pause_after;  ///< failures in a row; 0: never
  std::optional<OffsetRule> offset;

  bool operator==(const ScheduleSettings&) const = default;
};

/// Their names, in the order in which they are shown.
std::span<const std::string_view> schedule_setting_names();

/// Takes the value of the setting with this name (one of those above); null takes the setting away.
/// Gives what the value must be, where it is something else; then nothing is changed. That a zone
/// is known and an offset fits is not asked here.
std::optional<std::string> put_setting(ScheduleSettings& settings, std::string_view name,
                                       const json::value& value);
/// The value as `put_setting` takes it; null where the setting is not said.
json::value setting_value(const ScheduleSettings& settings, std::string_view name);

/// A value of a setting for people: a text as it is, all else as JSON.
std::string setting_text(const json::value& value);

/// What is said, by name.
json::object to_json(const ScheduleSettings& settings);
/// Throws Failure when the column does not hold what `to_json` gave.
ScheduleSettings settings_from(std::string_view column);

/// What `over` says, and what it does not say as in `under`.
ScheduleSettings merged(const ScheduleSettings& under, const ScheduleSettings& over);
/// What holds where nobody says: all settings are in it.
const ScheduleSettings& default_settings();

}  // namespace cupola::store
