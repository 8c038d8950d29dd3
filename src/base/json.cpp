#include "base/json.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cupola {

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = 64;
  json::parser parser({}, options);
  json::error_code error;
  const std::size_t read = parser.write(text, error);
  if (error) {
    return Error{Error::Kind::malformed,
                 fmt::format("This is not JSON: {} at byte {}.", error.message(), read)};
  }
  return parser.release();
}

std::string text_at(const json::object& object, std::string_view key, std::string_view fallback) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return std::string(fallback);
  return std::string(value->get_string());
}

std::int64_t number_at(const json::object& object, std::string_view key, std::int64_t fallback) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return fallback;
  json::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  return error ? fallback : number;
}

bool flag_at(const json::object& object, std::string_view key, bool fallback) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() ? value->get_bool() : fallback;
}

json::string json_text(std::string_view text) {
  if (is_utf8(text)) return json::string(text);
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    while (length <= 4 && at + length <= text.size() && !is_utf8(text.substr(at, length))) ++length;
    if (length > 4 || at + length > text.size()) {
      valid += "\xef\xbf\xbd";
      ++at;
    } else {
      valid += text.substr(at, length);
      at += length;
    }
  }
  return json::string(valid);
}

std::string json_escape(char32_t code) {
  const auto number = static_cast<std::uint32_t>(code);
  if (number < 0x10000) return fmt::format("\\u{:04x}", number);
  const std::uint32_t rest = number - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

std::string ascii_json(const json::value& value) {
  const std::string whole = json::serialize(value);
  std::string ascii;
  for (std::string_view rest = whole; !rest.empty();) {
    const auto [code, length] = first_code_point(rest);
    if (code < 0x80) {
      ascii += rest.front();
    } else {
      ascii += json_escape(code);
    }
    rest.remove_prefix(length);
  }
  return ascii;
}

}  // namespace cupola
