#include "api/cursor.h"

namespace cupola::api {

std::optional<std::pair<Instant, std::string>> time_cursor(Query& query, std::string_view list) {
  const std::vector<std::string> parts = query.cursor(list, 2);
  if (parts.empty()) return std::nullopt;
  const auto at = whole_number(parts[0]);
  if (!at) {
    query.refuse_cursor();
    return std::nullopt;
  }
  return std::pair(from_milliseconds(*at), parts[1]);
}

std::string time_cursor_of(std::string_view list, Instant at, const std::string& id) {
  return cursor_of(list, {std::to_string(to_milliseconds(at)), id});
}

std::string name_cursor(Query& query, std::string_view list) {
  const std::vector<std::string> parts = query.cursor(list, 1);
  return parts.empty() ? "" : parts[0];
}

std::string name_cursor_of(std::string_view list, const std::string& name) {
  return cursor_of(list, {name});
}

std::int64_t number_cursor(Query& query, std::string_view list) {
  const std::string text = name_cursor(query, list);
  if (text.empty()) return 0;
  const auto number = whole_number(text);
  if (!number) query.refuse_cursor();
  return number.value_or(0);
}

std::string number_cursor_of(std::string_view list, std::int64_t number) {
  return name_cursor_of(list, std::to_string(number));
}

}  // namespace cupola::api
