#include <algorithm>

#include <fmt/format.h>

#include "api/input.h"
#include "base/text.h"

namespace cupola::api {

Body::Body(const Call& call, std::vector<std::string_view> allowed) {
  if (trim(call.request.body).empty()) return;
  Result<json::value> value = parse_json(call.request.body);
  if (!value) {
    fault_ = value.error();
    return;
  }
  if (!value->is_object()) {
    refuse("The body must be a JSON object.");
    return;
  }
  object_ = std::move(value->get_object());
  for (const auto& member : object_) {
    if (std::find(allowed.begin(), allowed.end(), member.key()) != allowed.end()) continue;
    const std::vector<std::string> names(allowed.begin(), allowed.end());
    refuse(fmt::format("The body has a member {}, which is not known here.",
                       cupola::quoted(member.key())),
           names.empty() ? "Send no body." : "Known are: " + join(names, ", ") + ".");
    return;
  }
}

std::string Body::checked_text(std::string_view name, const json::value& value,
                               std::size_t longest) {
  if (!value.is_string()) {
    refuse(fmt::format("\"{}\" must be a text.", name));
    return "";
  }
  std::string text(value.get_string());
  if (text.size() > longest) {
    refuse(fmt::format("\"{}\" has {} bytes; the limit is {}.", name, text.size(), longest));
    return "";
  }
  if (text.find('\0') != std::string::npos || !is_utf8(text)) {
    refuse(fmt::format("\"{}\" must be UTF-8 without NUL.", name));
    return "";
  }
  return text;
}

std::string Body::text(std::string_view name, std::size_t longest) {
  std::string value = optional_text(name, longest);
  if (value.empty()) refuse(fmt::format("The body must have a text \"{}\", not empty.", name));
  return value;
}

std::string Body::optional_text(std::string_view name, std::size_t longest,
                                std::string_view fallback) {
  const json::value* value = object_.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string(fallback);
  return checked_text(name, *value, longest);
}

bool Body::flag(std::string_view name) {
  const json::value* value = object_.if_contains(name);
  if (value == nullptr || value->is_null()) return false;
  if (!value->is_bool()) refuse(fmt::format("\"{}\" must be true or false.", name));
  return value->is_bool() && value->get_bool();
}

std::int64_t Body::number(std::string_view name, std::int64_t low, std::int64_t high) {
  const json::value* value = object_.if_contains(name);
  json::error_code error;
  std::int64_t number = 0;
  if (value != nullptr && value->is_number()) number = value->to_number<std::int64_t>(error);
  if (value == nullptr || !value->is_number() || error || number < low || number > high) {
    refuse(fmt::format("\"{}\" must be a whole number from {} to {}.", name, low, high));
    return low;
  }
  return number;
}

std::optional<std::chrono::milliseconds> Body::span(std::string_view name,
                                                    std::chrono::milliseconds low,
                                                    std::chrono::milliseconds high) {
  const std::string text = optional_text(name, 30);
  if (text.empty()) return std::nullopt;
  const auto span = parse_span(text);
  if (span && *span >= low && *span <= high) return span;
  refuse(fmt::format("\"{}\" is {}, but must be a span of time from {} to {}.", name,
                     cupola::quoted(text), to_text(low), to_text(high)),
         "Write it as 90m, 12h or 7d.");
  return std::nullopt;
}

std::vector<std::string> Body::texts(std::string_view name, std::size_t most, std::size_t longest) {
  std::vector<std::string> texts;
  const json::value* value = object_.if_contains(name);
  if (value == nullptr || !value->is_array() || value->get_array().empty() ||
      value->get_array().size() > most) {
    refuse(fmt::format("\"{}\" must be a list of 1 to {} texts.", name, most));
    return texts;
  }
  for (const json::value& item : value->get_array()) {
    texts.push_back(checked_text(name, item, longest));
    if (texts.back().empty()) refuse(fmt::format("\"{}\" holds an empty text.", name));
  }
  return texts;
}

std::map<std::string, std::string> Body::text_map(std::string_view name, std::size_t most,
                                                  std::size_t longest) {
  std::map<std::string, std::string> map;
  const json::value* value = object_.if_contains(name);
  if (value == nullptr || value->is_null()) return map;
  if (!value->is_object() || value->get_object().size() > most) {
    refuse(fmt::format("\"{}\" must be an object of at most {} texts.", name, most));
    return map;
  }
  for (const auto& member : value->get_object()) {
    map[std::string(member.key())] = checked_text(name, member.value(), longest);
  }
  return map;
}

json::value Body::value(std::string_view name) const {
  const json::value* value = object_.if_contains(name);
  return value == nullptr ? json::value() : *value;
}

void Body::refuse(const Error& error) {
  if (!fault_) fault_ = error;
}

void Body::refuse(std::string message, std::string hint) {
  if (!fault_) fault_ = Error{Error::Kind::invalid, std::move(message), std::move(hint)};
}

}  // namespace cupola::api
