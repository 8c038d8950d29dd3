#include "meltano/fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::meltano {
namespace {

bool is_among(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::ranges::find(keys, key) != keys.end();
}

std::string joined(std::initializer_list<std::string_view> keys) {
  std::string text;
  for (const std::string_view key : keys) {
    if (!text.empty()) text += ", ";
    text += key;
  }
  return text;
}

}  // namespace

bool Fields::is_mapping() const {
  if (!node_.is_mapping()) {
    report_.reject(node_.mark,
                   fmt::format("{} must be a mapping; this is {}.", what_, in_words(node_)),
                   "Write 'key: value' lines here.");
    return false;
  }
  for (const yaml::Entry& entry : node_.entries) {
    if (entry.key.is_text()) continue;
    report_.reject(entry.key.mark,
                   fmt::format("{} has a key that is no text: {}.", what_, in_words(entry.key)),
                   "Put the key in quotes.");
  }
  return true;
}

void Fields::allow_only(std::initializer_list<std::string_view> keys, std::string_view hint) const {
  for (const yaml::Entry& entry : node_.entries) {
    if (!entry.key.is_text() || entry.key.text == "annotations" || is_among(entry.key.text, keys)) {
      continue;
    }
    report_.reject(entry.key.mark,
                   fmt::format("{} has no key {}; it knows {}.", what_,
                               cupola::quoted(entry.key.text), joined(keys)),
                   std::string(hint));
  }
}

void Fields::forbid(std::initializer_list<std::string_view> keys) const {
  for (const yaml::Entry& entry : node_.entries) {
    if (!entry.key.is_text() || !is_among(entry.key.text, keys)) continue;
    report_.reject(entry.key.mark,
                   fmt::format("{} cannot have a key {}.", what_, cupola::quoted(entry.key.text)),
                   "Remove or rename the key.");
  }
}

bool Fields::require(std::string_view key, std::string_view hint) const {
  if (node_.find(key) != nullptr) return true;
  report_.reject(node_.mark, fmt::format("{} has no '{}'.", what_, key), std::string(hint));
  return false;
}

std::string Fields::text(std::string_view key) const {
  const yaml::Node* value = node_.find(key);
  if (value == nullptr || value->is_null()) return {};
  if (value->is_sequence() || value->is_mapping()) {
    report_.warn(
        value->mark,
        fmt::format("'{}' of {} should be text; this is {}.", key, what_, in_words(*value)),
        "Write it as text.");
    return {};
  }
  return value->text;
}

std::map<std::string, std::string> Fields::texts(std::string_view key) const {
  std::map<std::string, std::string> result;
  const yaml::Node* value = node_.find(key);
  if (value == nullptr || value->is_falsy()) return result;
  if (!value->is_mapping()) {
    report_.warn(
        value->mark,
        fmt::format("'{}' of {} should be a mapping; this is {}.", key, what_, in_words(*value)),
        "Write 'NAME: value' lines.");
    return result;
  }
  for (const yaml::Entry& entry : value->entries) {
    if (entry.value.is_null()) continue;
    if (entry.value.is_mapping() || entry.value.is_sequence()) {
      report_.warn(entry.value.mark,
                   fmt::format("{} of '{}' should be text; this is {}.",
                               cupola::quoted(entry.key.text), key, in_words(entry.value)),
                   "Write the value as text, JSON in quotes for example.");
      continue;
    }
    result[entry.key.text] = entry.value.text;
  }
  return result;
}

json::object Fields::object(std::string_view key) const {
  const yaml::Node* value = node_.find(key);
  if (value == nullptr || value->is_falsy()) return {};
  if (!value->is_mapping()) {
    report_.warn(
        value->mark,
        fmt::format("'{}' of {} should be a mapping; this is {}.", key, what_, in_words(*value)),
        "Write 'key: value' lines.");
    return {};
  }
  return to_json(*value, yaml::Copied::yes).as_object();
}

std::vector<std::string> Fields::list(std::string_view key) const {
  std::vector<std::string> result;
  const yaml::Node* value = node_.find(key);
  if (value == nullptr || !value->is_sequence()) return result;
  for (const yaml::Node& item : value->items) result.push_back(item.text);
  return result;
}

bool Fields::flag(std::string_view key) const {
  const yaml::Node* value = node_.find(key);
  return value != nullptr && !value->is_falsy();
}

yaml::Mark Fields::mark_of(std::string_view key) const {
  const yaml::Node* value = node_.find(key);
  return value != nullptr ? value->mark : node_.mark;
}

json::object other_keys(const yaml::Node& node, std::initializer_list<std::string_view> known) {
  json::object result;
  for (const yaml::Entry& entry : node.entries) {
    if (entry.key.is_text() && is_among(entry.key.text, known)) continue;
    result[json_text(entry.key.text)] = to_json(entry.value);
  }
  return result;
}

}  // namespace cupola::meltano
