#include "meltano/yaml_keys.h"

#include <fmt/format.h>

namespace cupola::meltano::yaml {
namespace {
constexpr std::size_t longest_key_in_words = 200;
}

std::string identity(const Node& key) {
  switch (key.kind) {
    case Kind::boolean:
      return key.flag ? "n1" : "n0";
    case Kind::integer:
      return key.flag ? fmt::format("n{}", key.integer) : "n" + key.text;
    case Kind::decimal:
      return fmt::format("n{}", key.decimal);
    case Kind::null:
      return "0";
    case Kind::text:
      return "s" + key.text;
    case Kind::date:
    case Kind::timestamp:
      return "d" + key.text;
    case Kind::sequence:
    case Kind::mapping:
      return {};
  }
  return {};
}

void write_key(const Node& node, std::string& text) {
  if (text.size() > longest_key_in_words) return;
  if (node.is_sequence()) {
    text += '[';
    for (const Node& item : node.items) {
      if (&item != &node.items.front()) text += ", ";
      write_key(item, text);
    }
    text += ']';
  } else if (node.is_mapping()) {
    text += '{';
    for (const Entry& entry : node.entries) {
      if (&entry != &node.entries.front()) text += ", ";
      write_key(entry.key, text);
      text += ": ";
      write_key(entry.value, text);
    }
    text += '}';
  } else {
    text += node.text.substr(0, longest_key_in_words);
  }
}

std::string hint_for(std::string_view what, std::string_view line) {
  if (what.find("cannot start any token") != std::string_view::npos) {
    return line.find('\t') != std::string_view::npos
               ? "Indent and separate with spaces, not with tabs."
               : "Put the value in quotes.";
  }
  if (what.find("mapping values are not allowed") != std::string_view::npos) {
    return "Check the indentation of this line and the one before; a value that holds ': ' needs "
           "quotes.";
  }
  if (what.find("alias") != std::string_view::npos ||
      what.find("alphabetic") != std::string_view::npos) {
    return "'*' begins an alias and '&' an anchor: put the value in quotes.";
  }
  if (what.find("tab character") != std::string_view::npos) {
    return "Indent with spaces, not with tabs.";
  }
  return "Check the indentation, the quotes and the brackets here and on the lines before.";
}

}  // namespace cupola::meltano::yaml
