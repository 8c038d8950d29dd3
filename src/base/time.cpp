#include "base/time.h"

#include <charconv>

#include <fmt/format.h>

namespace cupola {
namespace {

/// Reads exactly `digits` digits at `at` and steps over them; -1 when they are not there.
int read_number(std::string_view text, std::size_t& at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  at += digits;
  return value;
}

bool read_char(std::string_view text, std::size_t& at, std::string_view any_of) {
  if (at >= text.size() || any_of.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

std::optional<std::chrono::milliseconds> unit_of(std::string_view unit) {
  if (unit == "ms") return 1ms;
  if (unit == "s") return 1s;
  if (unit == "m" || unit == "min") return 1min;
  if (unit == "h") return 1h;
  if (unit == "d") return 24h;
  if (unit == "w") return 7 * 24h;
  return std::nullopt;
}

}  // namespace

std::string to_rfc3339(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{instant - day};
  const auto milliseconds = time.subseconds().count();
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  time.hours().count(), time.minutes().count(), time.seconds().count());
  if (milliseconds != 0) text += fmt::format(".{:03}", milliseconds);
  return text + "Z";
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  std::size_t at = 0;
  const int year = read_number(text, at, 4);
  if (year < 0 || !read_char(text, at, "-")) return std::nullopt;
  const int month = read_number(text, at, 2);
  if (month < 1 || !read_char(text, at, "-")) return std::nullopt;
  const int day = read_number(text, at, 2);
  const std::chrono::year_month_day date{
      std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
      std::chrono::day{static_cast<unsigned>(day < 0 ? 0 : day)}};
  if (!date.ok()) return std::nullopt;
  Instant instant = std::chrono::sys_days{date};
  if (at == text.size()) return instant;

  if (!read_char(text, at, "Tt ")) return std::nullopt;
  const int hour = read_number(text, at, 2);
  if (hour < 0 || hour > 23 || !read_char(text, at, ":")) return std::nullopt;
  const int minute = read_number(text, at, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  int second = 0;
  if (read_char(text, at, ":")) {
    second = read_number(text, at, 2);
    if (second < 0 || second > 60) return std::nullopt;
  }
  instant += std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
  if (read_char(text, at, ".")) {
    int digits = 0;
    int fraction = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits) {
      if (digits < 3) fraction = fraction * 10 + (text[at] - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) fraction *= 10;
    instant += std::chrono::milliseconds{fraction};
  }

  if (at == text.size()) return instant;
  if (read_char(text, at, "Zz")) return at == text.size() ? std::optional{instant} : std::nullopt;
  const bool west = text[at] == '-';
  if (!read_char(text, at, "+-")) return std::nullopt;
  const int offset_hours = read_number(text, at, 2);
  if (offset_hours < 0 || offset_hours > 23 || !read_char(text, at, ":")) return std::nullopt;
  const int offset_minutes = read_number(text, at, 2);
  if (offset_minutes < 0 || offset_minutes > 59 || at != text.size()) return std::nullopt;
  const auto offset = std::chrono::hours{offset_hours} + std::chrono::minutes{offset_minutes};
  return west ? instant + offset : instant - offset;
}

std::optional<std::chrono::milliseconds> parse_span(std::string_view text) {
  constexpr std::int64_t most = std::int64_t{1000} * 60 * 60 * 24 * 366 * 1000;  // 1,000 years
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || count < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t length = 0;
    while (length < text.size() && text[length] >= 'a' && text[length] <= 'z') ++length;
    const auto unit = unit_of(text.substr(0, length));
    if (!unit || count > most / unit->count()) return std::nullopt;
    total += count * unit->count();
    if (total > most) return std::nullopt;
    text.remove_prefix(length);
  }
  return std::chrono::milliseconds{total};
}

std::string to_text(std::chrono::milliseconds span) {
  const std::int64_t all = span.count();
  if (all < 0) return "-" + to_text(-span);
  if (all < 1000) return fmt::format("{} ms", all);
  const std::int64_t seconds = all / 1000;
  if (seconds < 10 && all % 1000 != 0)
    return fmt::format("{:.1f} s", static_cast<double>(all) / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

}  // namespace cupola
