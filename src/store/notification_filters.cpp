#include "store/notification_filters.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::store {
namespace {

constexpr std::size_t most_filters = 20;
constexpr std::size_t most_words = 100;
constexpr std::size_t longest_word = 300;

constexpr std::array<std::string_view, 3> known_events = {"job_run", "deploy", "credits_low"};
constexpr std::array<std::string_view, 5> known_statuses = {"succeeded", "failed", "cancelled",
                                                            "recovered", "late"};
constexpr std::array<std::string_view, 2> asked_for_statuses = {"recovered", "late"};

using Words = std::optional<std::vector<std::string>>;

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Error fault(std::string message, std::string hint = "") {
  return {Error::Kind::invalid, std::move(message), std::move(hint)};
}

/// The texts of one member. `known` is empty where any text will do.
Result<Words> read_words(const json::object& filter, std::string_view name,
                         const std::string& place, std::span<const std::string_view> known) {
  const json::value* value = filter.if_contains(name);
  if (value == nullptr || value->is_null()) return Words{};
  const std::string where = fmt::format("{}.{}", place, name);
  if (!value->is_array()) return fault(where + " must be a list of texts.");
  if (value->get_array().empty()) {
    return fault(where + " is empty, so nothing would ever match.",
                 "Leave it out where any will do.");
  }
  if (value->get_array().size() > most_words) {
    return fault(fmt::format("{} has more than {} texts.", where, most_words));
  }
  std::vector<std::string> words;
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return fault(where + " must be a list of texts.");
    std::string word(item.get_string());
    const bool has_control = std::any_of(word.begin(), word.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (word.empty() || word.size() > longest_word || !is_utf8(word) || has_control) {
      return fault(fmt::format(
          "{} holds a text that is empty, too long, no UTF-8 or has control characters.", where));
    }
    if (!known.empty() && std::find(known.begin(), known.end(), word) == known.end()) {
      const std::vector<std::string> names(known.begin(), known.end());
      return fault(fmt::format("{} has {}, which is not known.", where, quoted(word)),
                   "Known are: " + join(names, ", ") + ".");
    }
    if (!has(words, word)) words.push_back(std::move(word));
  }
  return Words{std::move(words)};
}

void put(json::object& object, std::string_view name, const Words& words) {
  if (!words) return;
  json::array list;
  for (const std::string& word : *words) list.emplace_back(json_text(word));
  object[name] = std::move(list);
}

bool takes(const NotificationFilter& filter, const Occurrence& occurrence) {
  const bool event = filter.events ? has(*filter.events, occurrence.event)
                                   : occurrence.event == known_events.front();
  const bool is_asked_for = std::find(asked_for_statuses.begin(), asked_for_statuses.end(),
                                      occurrence.status) != asked_for_statuses.end();
  // Of a balance there is nothing to succeed or fail.
  const bool has_status = occurrence.event != "credits_low";
  const bool status =
      !has_status || (filter.status ? has(*filter.status, occurrence.status) : !is_asked_for);
  const bool schedule = !filter.schedules || has(*filter.schedules, occurrence.schedule);
  return event && status && schedule;
}

}  // namespace

Result<std::vector<NotificationFilter>> parse_filters(const json::value& value) {
  std::vector<NotificationFilter> filters;
  if (value.is_null()) return filters;
  if (!value.is_array()) return fault("\"filters\" must be a list of objects.");
  if (value.get_array().size() > most_filters) {
    return fault(fmt::format("\"filters\" has more than {} filters.", most_filters));
  }
  for (const json::value& item : value.get_array()) {
    const std::string place = fmt::format("filters[{}]", filters.size());
    if (!item.is_object()) return fault(place + " must be an object.");
    for (const auto& member : item.get_object()) {
      if (member.key() != "events" && member.key() != "status" && member.key() != "schedules") {
        return fault(
            fmt::format("{} has a member {}, which is not known.", place, quoted(member.key())),
            "Known are: events, status, schedules.");
      }
    }
    auto events = read_words(item.get_object(), "events", place, known_events);
    if (!events) return events.error();
    auto status = read_words(item.get_object(), "status", place, known_statuses);
    if (!status) return status.error();
    auto schedules = read_words(item.get_object(), "schedules", place, {});
    if (!schedules) return schedules.error();
    filters.push_back({.events = *std::move(events),
                       .status = *std::move(status),
                       .schedules = *std::move(schedules)});
  }
  return filters;
}

json::array to_json(const std::vector<NotificationFilter>& filters) {
  json::array list;
  for (const NotificationFilter& filter : filters) {
    json::object object;
    put(object, "events", filter.events);
    put(object, "status", filter.status);
    put(object, "schedules", filter.schedules);
    list.emplace_back(std::move(object));
  }
  return list;
}

bool wants(const std::vector<NotificationFilter>& filters, const Occurrence& occurrence) {
  if (filters.empty()) return takes({}, occurrence);
  return std::any_of(filters.begin(), filters.end(),
                     [&](const NotificationFilter& filter) { return takes(filter, occurrence); });
}

bool names_status(const std::vector<NotificationFilter>& filters, std::string_view status) {
  return std::any_of(filters.begin(), filters.end(), [&](const NotificationFilter& filter) {
    return filter.status && has(*filter.status, status);
  });
}

}  // namespace cupola::store
