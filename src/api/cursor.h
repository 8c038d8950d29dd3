#pragma once

/// Where a list goes on: the place that ?cursor= names, of the list of that name alone. What is no
/// place of it is refused. Private.

#include <optional>
#include <string>
#include <utility>

#include "api/input.h"

namespace cupola::api {

/// In a list by time and id; empty to begin.
std::optional<std::pair<Instant, std::string>> time_cursor(Query& query, std::string_view list);
std::string time_cursor_of(std::string_view list, Instant at, const std::string& id);

/// In a list by name; empty to begin.
std::string name_cursor(Query& query, std::string_view list);
std::string name_cursor_of(std::string_view list, const std::string& name);

/// In a list by number; 0 to begin.
std::int64_t number_cursor(Query& query, std::string_view list);
std::string number_cursor_of(std::string_view list, std::int64_t number);

}  // namespace cupola::api
