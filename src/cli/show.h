#pragma once

/// What the server says, in words for a person. The machine's form is the server's JSON itself.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "cli/table.h"

namespace cupola::cli {

/// "2026-11-23 03:18:00", UTC; the given text where it is no time, "-" where it is empty.
std::string shown_time(std::string_view rfc3339);
/// The member `key` as a time; "-" where there is none.
std::string time_at(const json::object& object, std::string_view key);
/// From one time to the other: "2 min 3 s"; empty where one is missing.
std::string shown_duration(const json::object& run);

/// A status with its colour: green for what went well, red for what failed, yellow for between.
Cell status_cell(std::string_view status);

/// A run's status, with its attempt where it has several: "failed, attempt 2/3".
Cell run_status_cell(const json::object& run);

/// The schedule's name, or the tasks.
std::string what_of(const json::object& run);
/// The first 12 digits of a commit.
std::string short_commit(std::string_view commit);
/// A whole number with separators: "1,234,567".
std::string shown_number(std::int64_t number);

/// The member `key` as an object or list; an empty one where it is absent or something else.
const json::object& object_at(const json::object& object, std::string_view key);
const json::array& array_at(const json::object& object, std::string_view key);

/// Indented, keys as they came: for `--format json`.
std::string pretty(const json::value& value);

/// Prints `answer` for json, else the table; `none` where the table is empty.
void print_list(std::string_view format, const json::value& answer, const Table& table,
                std::string_view none);

}  // namespace cupola::cli
