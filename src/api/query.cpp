#include <charconv>

#include <fmt/format.h>

#include "api/input.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    hex += hex_digits[value >> 4];
    hex += hex_digits[value & 15];
  }
  return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0 || hex.size() > 4096) return std::nullopt;
  std::string bytes;
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    const std::size_t high = hex_digits.find(hex[at]);
    const std::size_t low = hex_digits.find(hex[at + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || text.front() == '-') {
    return std::nullopt;
  }
  return number;
}

std::string Query::text(std::string_view name) {
  const std::string* value = call_.request.query_value(name);
  return value == nullptr ? "" : *value;
}

int Query::limit() {
  return static_cast<int>(number("limit", 1, 200, 50));
}

std::int64_t Query::number(std::string_view name, std::int64_t low, std::int64_t high,
                           std::int64_t fallback) {
  const std::string* value = call_.request.query_value(name);
  if (value == nullptr) return fallback;
  const auto number = whole_number(*value);
  if (!number || *number < low || *number > high) {
    refuse(fmt::format("?{}= is {}, but must be a whole number from {} to {}.", name,
                       cupola::quoted(*value), low, high));
    return fallback;
  }
  return *number;
}

bool Query::flag(std::string_view name) {
  const std::string value = text(name);
  if (!value.empty() && value != "true" && value != "false") {
    refuse(fmt::format("?{}= is true or false.", name));
  }
  return value == "true";
}

std::optional<Instant> Query::instant(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  if (const std::optional<Instant> instant = parse_rfc3339(value)) return instant;
  if (const auto span = parse_span(value)) return call_.now - *span;
  refuse(fmt::format("?{}= is {}, which is no time.", name, cupola::quoted(value)),
         "Write it as 2026-11-23T03:18:00Z, or as a span before now: 90m, 12h, 2d.");
  return std::nullopt;
}

void Query::refuse_cursor(std::string_view name) {
  refuse(fmt::format("?{}= is none that this list gave.", name),
         "Give the one that came with the page before, or begin anew.");
}

std::vector<std::string> Query::cursor(std::string_view list, std::size_t count,
                                       std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return {};
  std::vector<std::string> parts;
  if (const std::optional<std::string> packed = from_hex(value); packed && is_utf8(*packed)) {
    for (const std::string_view part : split(*packed, '\0')) parts.emplace_back(part);
  }
  if (parts.size() != count + 1 || parts[0] != list) {
    refuse_cursor(name);
    return {};
  }
  parts.erase(parts.begin());
  return parts;
}

bool has_control(std::string_view text) {
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte == 0x7f) return true;
  }
  return false;
}

std::string cursor_of(std::string_view list, std::vector<std::string> parts) {
  parts.insert(parts.begin(), std::string(list));
  return to_hex(join(parts, std::string_view("\0", 1)));
}

void Query::refuse(std::string message, std::string hint) {
  if (!fault_) fault_ = Error{Error::Kind::invalid, std::move(message), std::move(hint)};
}

}  // namespace cupola::api
