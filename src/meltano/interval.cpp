#include "meltano/interval.h"

#include <array>
#include <utility>
#include <vector>

#include "base/text.h"

namespace cupola::meltano {
namespace {

struct Field {
  int least;
  int most;
  std::string_view names;  // three letters each
  int first_name;
};

constexpr std::array<Field, 5> fields = {{{0, 59, "", 0},
                                          {0, 23, "", 0},
                                          {1, 31, "", 0},
                                          {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
                                          {0, 6, "sunmontuewedthufrisat", 0}}};
constexpr std::size_t day_of_month = 2;
constexpr std::size_t day_of_week = 4;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> aliases = {{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

bool has_no_clock(std::string_view text) {
  return text == "@once" || text == "@manual" || text == "@none";
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// More digits than any field has count as a number that no field has.
int to_number(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
  text.remove_prefix(first);
  return text.size() > 6 ? 1'000'000 : std::stoi(std::string(text));
}

std::optional<int> value_of(std::string_view text, std::size_t field) {
  if (is_number(text)) return to_number(text);
  if (text == "l" && field == day_of_month) return 31;
  if (text.size() == 3 && !fields[field].names.empty()) {
    for (std::size_t at = 0; at < fields[field].names.size(); at += 3) {
      if (fields[field].names.substr(at, 3) == text) {
        return static_cast<int>(at / 3) + fields[field].first_name;
      }
    }
  }
  return std::nullopt;
}

bool is_valid_range(std::string_view part, std::size_t dash, std::size_t field) {
  const auto start = value_of(part.substr(0, dash), field);
  auto end = value_of(part.substr(dash + 1), field);
  if (!start || !end) return false;
  if (*start > *end && field == day_of_week) return true;
  if (*end == 7 && field == day_of_week) end = 0;
  return fields[field].least <= *start && *start <= fields[field].most &&
         fields[field].least <= *end && *end <= fields[field].most;
}

bool is_valid_part(std::string_view part, std::size_t field) {
  if (const std::size_t slash = part.find('/'); slash != std::string_view::npos) {
    const std::string_view step = part.substr(slash + 1);
    const std::string_view base = part.substr(0, slash);
    if (!is_number(step) || to_number(step) == 0 || base.empty()) return false;
    return base == "*" || is_valid_part(base, field);
  }
  if (const std::size_t dash = part.find('-'); dash != std::string_view::npos) {
    return is_valid_range(part, dash, field);
  }
  const auto value = value_of(part, field);
  if (!value) return false;
  if (field == day_of_week && *value == 7) return true;
  return fields[field].least <= *value && *value <= fields[field].most;
}

bool is_valid_field(std::string_view text, std::size_t field) {
  if (text == "*") return true;
  if (text == "?") return field == day_of_month || field == day_of_week;
  if (text == "l") return field == day_of_month;
  for (const std::string_view part : split(text, ',')) {
    if (is_valid_part(part, field)) return true;
  }
  return false;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c != ' ' && (c < '\t' || c > '\r')) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

std::optional<std::string> cron_of_interval(std::string_view interval) {
  if (interval.empty() || has_no_clock(interval)) return std::nullopt;
  for (const auto& [alias, expression] : aliases) {
    if (interval == alias) return std::string(expression);
  }
  return std::string(interval);
}

bool is_accepted_interval(std::string_view interval) {
  if (has_no_clock(interval)) return true;
  const std::string lower = to_lower(trim(interval));
  if (has_no_clock(lower)) return false;
  for (const auto& [alias, expression] : aliases) {
    if (lower == alias) return true;
  }
  const std::vector<std::string> words = words_of(lower);
  if (words.size() != fields.size()) return false;
  for (std::size_t field = 0; field < fields.size(); ++field) {
    if (!is_valid_field(words[field], field)) return false;
  }
  return true;
}

}  // namespace cupola::meltano
