#include "base/text.h"

#include <cstdint>

#include <fmt/format.h>

#include "base/steering.h"

namespace cupola {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_control(char c) {
  return (c >= 0 && c < 0x20) || c == 0x7f;
}

/// Length of the well-formed UTF-8 sequence at the front, 0 when there is none (RFC 3629, 4).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return text.empty() ? 0 : 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += separator;
    result += parts[i];
  }
  return result;
}

std::string quoted(std::string_view text, std::size_t most) {
  const bool cut = text.size() > most;
  std::string result = "'" + printable(text.substr(0, most));
  for (auto at = result.find_first_of("\n\t"); at != std::string::npos;
       at = result.find_first_of("\n\t")) {
    result.replace(at, 1, result[at] == '\n' ? "\\n" : "\\t");
  }
  return result + (cut ? "…'" : "'");
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  constexpr std::string_view mark = "…";
  std::size_t size = most - std::min(most, mark.size());
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0u) == 0x80u) --size;
  return std::string(text.substr(0, size)) + std::string(mark);
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      result += "\xef\xbf\xbd";
      text.remove_prefix(1);
      continue;
    }
    const char c = text.front();
    if (const char32_t steering = steering_character(text); steering != 0) {
      result += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(steering));
    } else if (length == 1 && is_control(c) && c != '\n' && c != '\t') {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string slug(std::string_view text) {
  std::string result;
  for (const char c : to_lower(text)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      result += c;
    } else if (!result.empty() && result.back() != '-') {
      result += '-';
    }
  }
  while (!result.empty() && result.back() == '-') result.pop_back();
  return result;
}

std::pair<char32_t, std::size_t> first_code_point(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<char32_t>(text[i]) & 0xffu; };
  const char32_t lead = at(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (at(1) & 0x3f), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f), 3};
  return {(lead & 0x07) << 18 | (at(1) & 0x3f) << 12 | (at(2) & 0x3f) << 6 | (at(3) & 0x3f), 4};
}

char32_t steering_character(std::string_view text) {
  const std::size_t length = utf8_length(text);
  if (length != 2 && length != 3) return 0;
  const char32_t code = first_code_point(text).first;
  const bool steers = (code >= 0x80 && code <= 0x9f) || code == 0x61c || code == 0x200e ||
                      code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
                      (code >= 0x2066 && code <= 0x2069);
  return steers ? code : 0;
}

std::string harmless_json(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = 1;
    if (const char32_t steering = steering_character(text); steering != 0) {
      result += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(steering));
      length = steering < 0x800 ? 2 : 3;
    } else if (text.front() == 0x7f) {
      result += "\\u007f";
    } else {
      result += text.front();
    }
    text.remove_prefix(length);
  }
  return result;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace cupola
