#include "cron/posix_rule.h"

#include <algorithm>
#include <chrono>

namespace cupola::cron {
namespace {

using Seconds = Zone::Seconds;

/// When in a year the clock is changed: Mm.w.d, Jn or n, at a time of the day.
struct Day {
  enum class Kind { month_week_day, julian, zero_based } kind;
  unsigned month = 0;
  unsigned week = 0;
  unsigned number = 0;  ///< the weekday, or the day of the year
  Seconds time = 2 * 3600;
};

/// Reads from the front of the text; each function gives nothing where the text does not fit.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool is_done() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_name() {
    if (take('<')) {
      const auto end = rest_.find('>');
      if (end == std::string_view::npos) return false;
      rest_.remove_prefix(end + 1);
      return true;
    }
    std::size_t length = 0;
    while (length < rest_.size() && is_letter(rest_[length])) ++length;
    rest_.remove_prefix(length);
    return length >= 3;
  }
  std::optional<unsigned> number() {
    std::size_t length = 0;
    unsigned value = 0;
    for (; length < rest_.size() && length < 4; ++length) {
      if (rest_[length] < '0' || rest_[length] > '9') break;
      value = value * 10 + static_cast<unsigned>(rest_[length] - '0');
    }
    rest_.remove_prefix(length);
    return length == 0 ? std::nullopt : std::optional{value};
  }
  /// [+-]hh[:mm[:ss]]
  std::optional<Seconds> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    Seconds total = 0;
    for (Seconds unit = 3600; unit != 0; unit /= 60) {
      if (unit != 3600 && !take(':')) break;
      const auto part = number();
      if (!part) return std::nullopt;
      total += unit * *part;
    }
    return negative ? -total : total;
  }
  std::optional<Day> day() {
    Day day{.kind = Day::Kind::zero_based};
    if (take('M')) {
      day.kind = Day::Kind::month_week_day;
      const auto month = number();
      if (!month || *month < 1 || *month > 12 || !take('.')) return std::nullopt;
      const auto week = number();
      if (!week || *week < 1 || *week > 5 || !take('.')) return std::nullopt;
      day.month = *month;
      day.week = *week;
    } else if (take('J')) {
      day.kind = Day::Kind::julian;
    }
    const auto last = number();
    if (!last || *last > (day.kind == Day::Kind::month_week_day ? 6u : 365u)) return std::nullopt;
    day.number = *last;
    if (!take('/')) return day;
    const auto at = time();
    if (!at) return std::nullopt;
    day.time = *at;
    return day;
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  std::string_view rest_;
};

/// The wall clock's second at which the clock is changed in `year`.
Seconds wall_time(const Day& day, int year) {
  using namespace std::chrono;
  const auto in_year = std::chrono::year{year};
  sys_days date{in_year / January / 1};
  if (day.kind == Day::Kind::zero_based) {
    date += days{day.number};
  } else if (day.kind == Day::Kind::julian) {  // 29 February has no number
    date += days{day.number - 1 + (in_year.is_leap() && day.number >= 60 ? 1u : 0u)};
  } else if (day.week == 5) {
    date = sys_days{in_year / month{day.month} / weekday{day.number}[last]};
  } else {
    date = sys_days{in_year / month{day.month} / weekday{day.number}[day.week]};
  }
  return sys_seconds{date}.time_since_epoch().count() + day.time;
}

}  // namespace

std::optional<std::vector<ZoneTable::Change>> posix_changes(std::string_view rule, int from,
                                                            int to) {
  Reader reader(rule);
  if (!reader.take_name()) return std::nullopt;
  const auto west = reader.time();
  if (!west) return std::nullopt;
  const Seconds standard = -*west;
  std::vector<ZoneTable::Change> changes;
  if (reader.is_done()) return changes;

  if (!reader.take_name()) return std::nullopt;
  Seconds summer = standard + 3600;
  if (!reader.take(',')) {
    const auto summer_west = reader.time();
    if (!summer_west || !reader.take(',')) return std::nullopt;
    summer = -*summer_west;
  }
  const auto start = reader.day();
  if (!start || !reader.take(',')) return std::nullopt;
  const auto end = reader.day();
  if (!end || !reader.is_done()) return std::nullopt;

  for (int year = from; year < to; ++year) {
    changes.push_back({wall_time(*start, year) - standard, summer});
    changes.push_back({wall_time(*end, year) - summer, standard});
  }
  std::sort(changes.begin(), changes.end(),
            [](const auto& a, const auto& b) { return a.at < b.at; });
  return changes;
}

}  // namespace cupola::cron
