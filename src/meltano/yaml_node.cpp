#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "meltano/yaml.h"

namespace cupola::meltano::yaml {

bool Node::is_falsy() const {
  switch (kind) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return !flag;
    case Kind::integer:
      return flag ? integer == 0 : false;
    case Kind::decimal:
      return decimal == 0;
    case Kind::text:
      return text.empty();
    case Kind::sequence:
      return items.empty();
    case Kind::mapping:
      return entries.empty();
    case Kind::date:
    case Kind::timestamp:
      return false;
  }
  return false;
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key.is_text() && entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

namespace {

std::string python_quoted(std::string_view text) {
  const bool single = text.find('\'') == std::string_view::npos;
  const bool doubled = !single && text.find('"') == std::string_view::npos;
  std::string result(1, doubled ? '"' : '\'');
  for (const char c : text) {
    if (c == '\\' || (c == '\'' && !doubled)) result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + (doubled ? '"' : '\'');
}

std::string python_written(const Node& node) {
  return node.is_text() ? python_quoted(node.text) : to_python_text(node);
}

}  // namespace

std::string to_python_text(const Node& node) {
  std::string text;
  if (node.is_sequence()) {
    for (const Node& item : node.items) {
      if (!text.empty()) text += ", ";
      text += python_written(item);
    }
    return "[" + text + "]";
  }
  if (node.is_mapping()) {
    for (const Entry& entry : node.entries) {
      if (!text.empty()) text += ", ";
      text += python_written(entry.key) + ": " + python_written(entry.value);
    }
    return "{" + text + "}";
  }
  return node.text;
}

json::value to_json(const Node& node, Copied copied) {
  switch (node.kind) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return node.flag;
    case Kind::integer:
      if (node.flag) return node.integer;
      return node.decimal;
    case Kind::decimal:
      if (!std::isfinite(node.decimal)) return json_text(node.text);
      return node.decimal;
    case Kind::text:
      return json_text(node.text);
    case Kind::date:
      return json::object{{"$date", node.text}};
    case Kind::timestamp: {
      std::string iso = node.text;
      iso.at(10) = 'T';
      if (copied == Copied::yes && node.flag) iso.resize(19);
      return json::object{{"$timestamp", iso}};
    }
    case Kind::sequence: {
      json::array array;
      array.reserve(node.items.size());
      for (const Node& item : node.items) array.push_back(to_json(item, copied));
      return array;
    }
    case Kind::mapping: {
      json::object object;
      object.reserve(node.entries.size());
      for (const Entry& entry : node.entries) {
        object[json_text(entry.key.text)] = to_json(entry.value, copied);
      }
      return object;
    }
  }
  return nullptr;
}

std::string in_words(const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return "nothing";
    case Kind::boolean:
      return node.flag ? "true" : "false";
    case Kind::integer:
    case Kind::decimal:
      return "the number " + node.text;
    case Kind::text:
      return "the text " + cupola::quoted(node.text, 60);
    case Kind::date:
    case Kind::timestamp:
      return "the time " + node.text;
    case Kind::sequence:
      return "a list";
    case Kind::mapping:
      return "a mapping";
  }
  return "something else";
}

}  // namespace cupola::meltano::yaml
