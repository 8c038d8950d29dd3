#include "logs/secret_forms.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace cupola::logs {
namespace {

/// Lines of a secret and its other letter cases are looked for only from this length on: below it
/// they are too often plain words.
constexpr std::size_t shortest_part = 8;

constexpr std::string_view standard_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The digits that `value` alone decides when it stands `before` bytes (0 to 2) into a group of
/// three, whatever bytes are around it.
std::string base64_core(std::string_view value, std::size_t before, std::string_view alphabet) {
  std::string digits;
  std::uint32_t bits = 0;
  unsigned held = 0;
  const std::string padded = std::string(before, '\0') + std::string(value);
  for (const char c : padded) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    held += 8;
    while (held >= 6) {
      held -= 6;
      digits += alphabet[(bits >> held) & 63];
    }
  }
  return digits.substr(before == 0 ? 0 : before + 1);
}

std::string hex(std::string_view value, bool upper) {
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    text += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
  }
  return text;
}

std::string percent_encoded(std::string_view value, std::string_view kept, bool plus, bool upper) {
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_alphanumeric(c) || kept.find(c) != std::string_view::npos) {
      text += c;
    } else if (c == ' ' && plus) {
      text += '+';
    } else {
      text += upper ? fmt::format("%{:02X}", byte) : fmt::format("%{:02x}", byte);
    }
  }
  return text;
}

struct JsonStyle {
  bool ascii = false;    ///< beyond ASCII as \uXXXX, as Python's json.dumps has it
  bool solidus = false;  ///< "/" as "\/", as PHP has it
};

/// The text inside the quotes of a JSON string; `value` must be UTF-8.
std::string json_escaped(std::string_view value, const JsonStyle& style) {
  std::string text;
  while (!value.empty()) {
    const auto [code, length] = first_code_point(value);
    const std::size_t named =
        code < 0x80 ? std::string_view("\"\\\b\f\n\r\t").find(value[0]) : std::string_view::npos;
    if (named != std::string_view::npos) {
      text += '\\';
      text += "\"\\bfnrt"[named];
    } else if (code == '/' && style.solidus) {
      text += "\\/";
    } else if (code < 0x20 || (code >= 0x80 && style.ascii)) {
      text += json_escape(code);
    } else {
      text += value.substr(0, length);
    }
    value.remove_prefix(length);
  }
  return text;
}

std::string with_cases(std::string_view value, bool lower, bool upper) {
  std::string text(value);
  for (char& c : text) {
    if (c >= 'a' && c <= 'z' && upper) {
      c = static_cast<char>(c - 'a' + 'A');
    } else if (c >= 'A' && c <= 'Z' && lower) {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return text;
}

/// As it is and as JSON has it, once and twice: meltano's JSON log quotes a plugin's JSON log.
void add_plain_forms(std::string_view value, std::vector<std::string>& forms) {
  forms.emplace_back(value);
  if (!is_utf8(value)) return;
  for (const JsonStyle style : {JsonStyle{false, false}, JsonStyle{true, false},
                                JsonStyle{false, true}, JsonStyle{true, true}}) {
    const std::string once = json_escaped(value, style);
    forms.push_back(once);
    forms.push_back(json_escaped(once, style));
  }
}

void add_encoded_forms(std::string_view value, std::vector<std::string>& forms) {
  for (const std::string_view alphabet : {standard_alphabet, url_alphabet}) {
    for (const std::size_t before : {0u, 1u, 2u}) {
      forms.push_back(base64_core(value, before, alphabet));
    }
  }
  for (const bool upper : {false, true}) {
    forms.push_back(hex(value, upper));
    for (const bool plus : {false, true}) {
      for (const std::string_view kept : {"-._~", "-._~/", "-._~!'()*", "-._*"}) {
        forms.push_back(percent_encoded(value, kept, plus, upper));
      }
    }
  }
}

}  // namespace

std::vector<std::string> secret_forms(std::string_view value) {
  value = trim(value);
  if (value.size() < shortest_masked) return {};

  std::vector<std::string> forms;
  add_plain_forms(value, forms);
  add_encoded_forms(value, forms);
  if (value.size() >= shortest_part) {
    forms.push_back(with_cases(value, true, false));
    forms.push_back(with_cases(value, false, true));
    forms.push_back(with_cases(value, true, true));
  }
  if (value.find('\n') != std::string_view::npos) {
    for (const std::string_view line : split(value, '\n')) {
      const std::string_view part = trim(line);
      if (part.size() >= shortest_part) add_plain_forms(part, forms);
    }
  }
  std::sort(forms.begin(), forms.end());
  forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
  return forms;
}

}  // namespace cupola::logs
