#pragma once

/// JSON as Boost.JSON has it, and reading it from outside: with limits, and with a Result.

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/outcome.h"

namespace cupola {

namespace json = boost::json;

/// Reads one JSON text. Refuses what nests deeper than 64 and duplicate keys are as Boost.JSON has
/// them (the last wins). The error's kind is `malformed` and names the place.
Result<json::value> parse_json(std::string_view text);

/// The member `key` as text, or `fallback` when it is absent or no text.
std::string text_at(const json::object& object, std::string_view key,
                    std::string_view fallback = "");

/// The member `key` as a whole number, or `fallback` when it is absent or none.
std::int64_t number_at(const json::object& object, std::string_view key, std::int64_t fallback = 0);

/// The member `key` as true or false, or `fallback` when it is absent or neither.
bool flag_at(const json::object& object, std::string_view key, bool fallback = false);

/// The text, with invalid UTF-8 replaced by U+FFFD, so that what is written is JSON.
json::string json_text(std::string_view text);

/// A code point as JSON has it in ASCII: "\u00e4", or a surrogate pair.
std::string json_escape(char32_t code);

/// The value's text with all that is beyond ASCII escaped, for those who send it in a coding of
/// their own. Its strings must be UTF-8.
std::string ascii_json(const json::value& value);

}  // namespace cupola
