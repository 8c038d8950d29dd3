#include "store/schedule_settings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "store/attempts.h"
#include "store/columns.h"

namespace cupola::store {
namespace {

constexpr Words<Overlap, 3> overlap_words = {
    {{Overlap::queue_one, "queue_one"}, {Overlap::skip, "skip"}, {Overlap::allow, "allow"}}};
constexpr Words<Missed, 3> missed_words = {
    {{Missed::latest, "latest"}, {Missed::skip, "skip"}, {Missed::all, "all"}}};

constexpr std::size_t longest_zone = 100;

std::optional<std::string> text_in(const json::value& value) {
  return value.is_string() ? std::optional(std::string(value.get_string())) : std::nullopt;
}

std::optional<std::int64_t> number_in(const json::value& value, std::int64_t low,
                                      std::int64_t high) {
  json::error_code error;
  if (!value.is_number()) return std::nullopt;
  const auto number = value.to_number<std::int64_t>(error);
  if (error || number < low || number > high) return std::nullopt;
  return number;
}

std::optional<int> count_in(const json::value& value, int most) {
  const auto number = number_in(value, 0, most);
  return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::optional<std::chrono::milliseconds> span_in(const json::value& value,
                                                 std::chrono::milliseconds least,
                                                 std::chrono::milliseconds most) {
  const auto text = text_in(value);
  const auto span = text ? parse_span(*text) : std::nullopt;
  return span && *span >= least && *span <= most ? span : std::nullopt;
}

std::optional<OffsetRule> offset_in(const json::value& value) {
  if (text_in(value) == "random") return OffsetRule{};
  const auto minutes = number_in(value, -longest_offset.count() + 1, longest_offset.count() - 1);
  if (!minutes) return std::nullopt;
  return OffsetRule{.minutes = std::chrono::minutes{*minutes}};
}

std::optional<std::string> zone_in(const json::value& value) {
  auto text = text_in(value);
  return text && !text->empty() && text->size() <= longest_zone ? text : std::nullopt;
}

/// One setting: how its value is read, written, and what it must be.
struct Setting {
  std::string_view name;
  std::string_view rule;
  bool (*read)(ScheduleSettings&, const json::value&);
  json::value (*write)(const ScheduleSettings&);
  void (*copy)(const ScheduleSettings& from, ScheduleSettings& to);
};

/// A setting of the member, with functions from and to JSON.
template <auto member, auto from_json, auto to_json>
constexpr Setting setting(std::string_view name, std::string_view rule) {
  return {.name = name,
          .rule = rule,
          .read =
              [](ScheduleSettings& settings, const json::value& value) {
                auto read = from_json(value);
                if (!read) return false;
                settings.*member = *std::move(read);
                return true;
              },
          .write =
              [](const ScheduleSettings& settings) {
                return settings.*member ? json::value(to_json(*(settings.*member))) : json::value();
              },
          .copy = [](const ScheduleSettings& from,
                     ScheduleSettings& to) { to.*member = from.*member; }};
}

/// The span as parse_span reads it, exactly: "1h30m", "250ms", "0s".
json::value span_value(std::chrono::milliseconds span) {
  constexpr std::pair<std::string_view, std::chrono::milliseconds> units[] = {
      {"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}};
  std::string text;
  for (const auto& [name, length] : units) {
    if (span >= length) text += fmt::format("{}{}", span / length, name);
    span %= length;
  }
  return json_text(text.empty() ? "0s" : text);
}

json::value offset_value(const OffsetRule& rule) {
  return rule.minutes ? json::value(rule.minutes->count()) : json::value("random");
}

constexpr std::array settings_table = {
    setting<&ScheduleSettings::timezone, zone_in,
            [](const std::string& zone) { return json_text(zone); }>(
        "timezone", "the name of a time zone, such as UTC or Europe/Berlin"),
    setting<&ScheduleSettings::overlap,
            [](const json::value& value) { return parse_overlap(text_in(value).value_or("")); },
            [](Overlap overlap) { return to_text(overlap); }>("overlap",
                                                              "queue_one, skip or allow"),
    setting<&ScheduleSettings::missed,
            [](const json::value& value) { return parse_missed(text_in(value).value_or("")); },
            [](Missed missed) { return to_text(missed); }>("missed", "latest, skip or all"),
    setting<&ScheduleSettings::retries,
            [](const json::value& value) { return count_in(value, most_retries); },
            [](int retries) { return retries; }>("retries", "a whole number from 0 to 10"),
    setting<&ScheduleSettings::retry_wait,
            [](const json::value& value) { return span_in(value, 0ms, longest_back_off); },
            span_value>("retry_wait", "a span such as 30s or 5m, up to 1h"),
    setting<&ScheduleSettings::run_timeout,
            [](const json::value& value) { return span_in(value, 1s, 31 * 24h); }, span_value>(
        "run_timeout", "a span such as 90m or 6h, from 1s to 31d"),
    setting<&ScheduleSettings::pause_after,
            [](const json::value& value) { return count_in(value, most_pause_after); },
            [](int failures) { return failures; }>(
        "pause_after", "a whole number of failures from 1 to 1000, or 0 for never"),
    setting<&ScheduleSettings::offset, offset_in, offset_value>(
        "offset", "random, or whole minutes from -1439 to 1439"),
};
static_assert(most_retries == 10 && most_pause_after == 1000 && longest_offset == 1440min);

const Setting* find(std::string_view name) {
  const auto found = std::find_if(settings_table.begin(), settings_table.end(),
                                  [&](const Setting& one) { return one.name == name; });
  return found == settings_table.end() ? nullptr : found;
}

}  // namespace

std::string_view to_text(Overlap overlap) {
  return word_for(overlap_words, overlap);
}
std::optional<Overlap> parse_overlap(std::string_view text) {
  return value_for(overlap_words, text);
}
std::string_view to_text(Missed missed) {
  return word_for(missed_words, missed);
}
std::optional<Missed> parse_missed(std::string_view text) {
  return value_for(missed_words, text);
}

std::span<const std::string_view> schedule_setting_names() {
  static const auto names = [] {
    std::array<std::string_view, settings_table.size()> all;
    std::transform(settings_table.begin(), settings_table.end(), all.begin(),
                   [](const Setting& one) { return one.name; });
    return all;
  }();
  return names;
}

std::optional<std::string> put_setting(ScheduleSettings& settings, std::string_view name,
                                       const json::value& value) {
  const Setting* setting = find(name);
  if (setting == nullptr) throw Failure("No setting of schedules is named " + std::string(name));
  if (value.is_null()) {
    setting->copy({}, settings);
  } else if (!setting->read(settings, value)) {
    return std::string(setting->rule);
  }
  return std::nullopt;
}

json::value setting_value(const ScheduleSettings& settings, std::string_view name) {
  const Setting* setting = find(name);
  return setting == nullptr ? json::value() : setting->write(settings);
}

std::string setting_text(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

json::object to_json(const ScheduleSettings& settings) {
  json::object object;
  for (const Setting& one : settings_table) {
    if (auto value = one.write(settings); !value.is_null()) object[one.name] = std::move(value);
  }
  return object;
}

ScheduleSettings settings_from(std::string_view column) {
  ScheduleSettings settings;
  if (column == "{}") return settings;
  const auto value = parse_json(column);
  bool good = value && value->is_object();
  if (good) {
    for (const auto& [name, each] : value->get_object())
      good = good && find(name) != nullptr && !put_setting(settings, name, each);
  }
  if (!good) {
    throw Failure("The database holds something else than settings of a schedule: " +
                  std::string(column.substr(0, 100)));
  }
  return settings;
}

ScheduleSettings merged(const ScheduleSettings& under, const ScheduleSettings& over) {
  ScheduleSettings both = under;
  for (const Setting& one : settings_table) {
    if (!one.write(over).is_null()) one.copy(over, both);
  }
  return both;
}

const ScheduleSettings& default_settings() {
  static const ScheduleSettings defaults = {.timezone = "UTC",
                                            .overlap = Overlap::queue_one,
                                            .missed = Missed::latest,
                                            .retries = 0,
                                            .retry_wait = 30s,
                                            .run_timeout = 24h,
                                            .pause_after = 0,
                                            .offset = OffsetRule{}};
  return defaults;
}

}  // namespace cupola::store
