#include <bit>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "cron/expression.h"

namespace cupola::cron {
namespace {

constexpr const char* month_words[] = {"",        "January",  "February", "March",  "April",
                                       "May",     "June",     "July",     "August", "September",
                                       "October", "November", "December"};
constexpr const char* weekday_words[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};
constexpr const char* nth_words[] = {"first", "second", "third", "fourth", "fifth", "last"};

constexpr std::uint64_t all_minutes = (std::uint64_t{1} << 60) - 1;
constexpr std::uint32_t all_hours = (std::uint32_t{1} << 24) - 1;
constexpr std::uint32_t all_days = 0xfffffffe;
constexpr std::uint16_t all_months = 0x1ffe;
constexpr std::uint8_t all_weekdays = 0x7f;

std::vector<unsigned> numbers_in(std::uint64_t bits) {
  std::vector<unsigned> numbers;
  for (; bits != 0; bits &= bits - 1)
    numbers.push_back(static_cast<unsigned>(std::countr_zero(bits)));
  return numbers;
}

/// "a", "a and b", "a, b and c".
std::string enumerate(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  return text;
}

/// The n for which the numbers are 0, n, 2n, ... up to `size`, which n divides; else 0.
unsigned even_step(const std::vector<unsigned>& numbers, unsigned size) {
  if (numbers.size() < 2 || numbers[0] != 0) return 0;
  const unsigned step = numbers[1];
  if (size % step != 0 || numbers.size() != size / step) return 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != i * step) return 0;
  }
  return step;
}

/// Whether they follow each other without a hole, three or more of them.
bool is_run(const std::vector<unsigned>& numbers) {
  return numbers.size() >= 3 && numbers.back() - numbers.front() + 1 == numbers.size();
}

/// "1, 2 and 5", or "1 to 5" where none is left out.
std::string list_numbers(const std::vector<unsigned>& numbers) {
  if (is_run(numbers)) return fmt::format("{} to {}", numbers.front(), numbers.back());
  std::vector<std::string> words;
  for (const unsigned number : numbers) words.push_back(fmt::format("{}", number));
  return enumerate(words);
}

/// The words for the bits of `week`; "every day from Monday to Friday" where none is left out.
std::string list_weekdays(std::uint32_t week, std::string_view before_each) {
  const std::vector<unsigned> numbers = numbers_in(week);
  if (is_run(numbers)) {
    return fmt::format("{}day from {} to {}", before_each, weekday_words[numbers.front()],
                       weekday_words[numbers.back()]);
  }
  std::vector<std::string> words;
  for (const unsigned number : numbers)
    words.push_back(fmt::format("{}{}", before_each, weekday_words[number]));
  return enumerate(words);
}

/// The minutes of an hour: "every minute", "every 15 minutes", "at minutes 5 and 35".
std::string minute_words(std::uint64_t minutes) {
  if (minutes == all_minutes) return "every minute";
  const std::vector<unsigned> numbers = numbers_in(minutes);
  if (const unsigned step = even_step(numbers, 60)) return fmt::format("every {} minutes", step);
  if (numbers.size() == 1) return fmt::format("at minute {}", numbers[0]);
  return "at minutes " + list_numbers(numbers);
}

std::string hour_words(std::uint32_t hours) {
  const std::vector<unsigned> numbers = numbers_in(hours);
  if (const unsigned step = even_step(numbers, 24))
    return fmt::format("of every {}{} hour", step, step == 2 ? "nd" : (step == 3 ? "rd" : "th"));
  std::vector<std::string> words;
  if (numbers.size() == 1 || is_run(numbers))
    return fmt::format("from {:02}:00 to {:02}:59", numbers.front(), numbers.back());
  for (const unsigned hour : numbers) words.push_back(fmt::format("{}", hour));
  return "in hours " + enumerate(words);
}

std::string time_words(const Fields& fields) {
  constexpr int most_times = 6;
  const std::vector<unsigned> minutes = numbers_in(fields.minutes);
  if (fields.hours == all_hours) {
    if (fields.minutes == 1) return "every hour";
    const std::string words = minute_words(fields.minutes);
    return words.starts_with("every") ? words : words + " of every hour";
  }

  const std::vector<unsigned> hours = numbers_in(fields.hours);
  const unsigned step = even_step(hours, 24);
  if (minutes.size() == 1 && step != 0) {
    const std::string every = fmt::format("every {} hours", step);
    return minutes[0] == 0 ? every : fmt::format("{} at minute {}", every, minutes[0]);
  }
  if (std::popcount(fields.minutes) * std::popcount(fields.hours) <= most_times) {
    std::vector<std::string> times;
    for (const unsigned hour : hours) {
      for (const unsigned minute : minutes)
        times.push_back(fmt::format("{:02}:{:02}", hour, minute));
    }
    return "at " + enumerate(times);
  }
  return minute_words(fields.minutes) + " " + hour_words(fields.hours);
}

/// "each month", or "January and July".
std::string month_list(std::uint16_t months) {
  if (months == all_months) return "each month";
  const std::vector<unsigned> numbers = numbers_in(months);
  if (is_run(numbers))
    return fmt::format("{} to {}", month_words[numbers.front()], month_words[numbers.back()]);
  std::vector<std::string> words;
  for (const unsigned month : numbers) words.emplace_back(month_words[month]);
  return enumerate(words);
}

/// " in January and July", or nothing for each month.
std::string in_months(std::uint16_t months) {
  if (months == all_months) return "";
  return (is_run(numbers_in(months)) ? " from " : " in ") + month_list(months);
}

/// "day 1", "days 1 and 15", "the last day": without "of" and the month.
std::string day_words(const Fields& fields) {
  std::vector<std::string> words;
  const std::vector<unsigned> numbers = numbers_in(fields.days);
  if (!numbers.empty())
    words.push_back((numbers.size() == 1 ? "day " : "days ") + list_numbers(numbers));
  if (fields.last_day) words.emplace_back("the last day");
  if (fields.last_weekday) words.emplace_back("the last weekday (Monday to Friday)");
  return enumerate(words);
}

/// "Monday and Friday", "the second Friday": without "of" and the month.
std::string weekday_phrase(const Fields& fields, std::string_view before_each) {
  std::vector<std::string> words;
  if (fields.weekdays != 0) words.push_back(list_weekdays(fields.weekdays, before_each));
  for (unsigned n = 0; n < 6; ++n) {
    const auto week = static_cast<std::uint32_t>(fields.nth_days >> (7 * n) & 0x7f);
    for (const unsigned weekday : numbers_in(week))
      words.push_back(fmt::format("the {} {} of the month", nth_words[n], weekday_words[weekday]));
  }
  return enumerate(words);
}

std::string date_words(const Fields& fields, bool says_every) {
  const bool any_day = fields.days == all_days;
  const bool any_weekday = fields.weekdays == all_weekdays;
  const std::string months = month_list(fields.months);
  const std::string in = in_months(fields.months);
  if ((any_day && any_weekday) || (!fields.both_days && (any_day || any_weekday)))
    return (says_every ? "" : " every day") + in;
  if (any_weekday) return fmt::format(" on {} of {}", day_words(fields), months);
  if (any_day) {
    const bool is_week = fields.nth_days == 0 && is_run(numbers_in(fields.weekdays));
    return fmt::format(" {}{}{}", is_week ? "" : "on ",
                       weekday_phrase(fields, is_week ? "every " : ""), in);
  }
  if (fields.both_days) {
    return fmt::format(" on {} of {}, if that is {}", day_words(fields), months,
                       weekday_phrase(fields, "a "));
  }
  return fmt::format(" on {} of {} and on {}{}", day_words(fields), months,
                     weekday_phrase(fields, "every "), in);
}

}  // namespace

std::string Expression::describe() const {
  if (!has_clock_) return "only when started by hand";
  const std::string time = time_words(fields_);
  return time + date_words(fields_, time.find("every") != std::string::npos);
}

}  // namespace cupola::cron
