#include "meltano/variables.h"

#include <algorithm>

namespace cupola::meltano::variables {
namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Letters of any script are word characters; their bytes in UTF-8 all have the high bit.
bool is_word(char c) {
  return is_upper(c) || is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

struct Reference {
  std::string_view name;
  std::size_t length = 0;  // of the whole, from the '$' on; 0 when there is none
};

/// The reference that starts at the '$' in front of `text`.
Reference reference_at(std::string_view text) {
  if (text.size() > 1 && text[1] == '{') {
    std::size_t end = 2;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == 2 || end == text.size() || text[end] != '}') return {};
    return {text.substr(2, end - 2), end + 1};
  }
  if (text.size() < 2 || !is_upper(text[1])) return {};
  std::size_t end = 2;
  while (end < text.size() && (is_upper(text[end]) || is_digit(text[end]) || text[end] == '_'))
    ++end;
  return {text.substr(1, end - 1), end};
}

void add_once(std::vector<std::string>& names, std::string_view name) {
  if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}

}  // namespace

Expanded expand(std::string_view text, const Values& values) {
  Expanded result;
  for (std::size_t at = 0; at < text.size();) {
    const bool escaped = text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '$';
    const std::size_t dollar = escaped ? at + 1 : at;
    const Reference reference =
        text[dollar] == '$' ? reference_at(text.substr(dollar)) : Reference{};
    if (reference.length == 0) {
      result.text += text[at++];
      continue;
    }
    at = dollar + reference.length;
    if (escaped) {
      result.text += text.substr(dollar, reference.length);
      continue;
    }
    const std::string name(reference.name);
    add_once(result.used, name);
    if (const auto found = values.find(name); found != values.end()) {
      result.text += found->second;
    } else {
      add_once(result.unset, name);
    }
  }
  return result;
}

json::value expand_all(const json::value& value, const Values& values) {
  if (value.is_string()) {
    return json_text(expand(std::string_view(value.get_string()), values).text);
  }
  if (value.is_array()) {
    json::array result;
    for (const json::value& item : value.get_array()) result.push_back(expand_all(item, values));
    return result;
  }
  if (value.is_object()) {
    json::object result;
    for (const auto& [key, item] : value.get_object()) result[key] = expand_all(item, values);
    return result;
  }
  return value;
}

std::vector<std::string> used(std::string_view text) {
  return expand(text, {}).used;
}

}  // namespace cupola::meltano::variables
