#pragma once

/// YAML as official Meltano reads it: one document, YAML 1.2 scalars (`no` is text, 0010 is ten),
/// every node with the place where it starts.
///
/// On libyaml's event stream, with limits that hold before memory or time is spent: on size, depth
/// and the number of nodes once aliases are expanded. Duplicate keys, tags, an alias inside its own
/// anchor and tabs between tokens are problems. Pure: text in, nodes and problems out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace cupola::meltano::yaml {

enum class Kind : std::uint8_t {
  null,
  boolean,
  integer,
  decimal,
  text,
  date,
  timestamp,
  sequence,
  mapping
};

/// Where a node starts; line and column count from 1. `file` is what `parse` was given.
struct Mark {
  std::uint32_t file = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Entry;

struct Node {
  Kind kind = Kind::null;
  Mark mark;
  /// Of a scalar: what Python's str() makes of it: "True", "1.0", "2021-01-01 00:00:00".
  std::string text;
  std::int64_t integer = 0;  ///< of an integer that fits
  double decimal = 0;        ///< of a decimal, and of an integer that does not fit
  bool flag = false;         ///< of a boolean; of an integer: it fits; of a time: see Copied
  std::vector<Node> items;
  std::vector<Entry> entries;

  bool is_null() const { return kind == Kind::null; }
  bool is_text() const { return kind == Kind::text; }
  bool is_sequence() const { return kind == Kind::sequence; }
  bool is_mapping() const { return kind == Kind::mapping; }
  /// Whether Python's bool() would call it false: null, "", 0, 0.0, false, [] and {}.
  bool is_falsy() const;
  /// The value at a text key, or nothing.
  const Node* find(std::string_view key) const;
};

struct Entry {
  Node key;
  Node value;
};

/// The node as JSON. Dates are {"$date": …}, times {"$timestamp": …}, both in ISO form. Where
/// official Meltano works on a copy (`config`), times written with a 'T' or an offset have lost
/// their zone and fraction: `Copied::yes` gives that.
enum class Copied { no, yes };
json::value to_json(const Node& node, Copied copied = Copied::no);

/// What Python's str() makes of the node, lists and mappings included.
std::string to_python_text(const Node& node);

/// The kind of a node in words for a message: "a list", "the number 5", "nothing".
std::string in_words(const Node& node);

/// Gives a plain (unquoted) scalar its kind and value by the rules of YAML 1.2. The text comes
/// back when it looks like a date that no calendar has: official Meltano refuses it too.
std::optional<std::string> resolve_plain(Node& node, std::string_view written);

struct Limits {
  std::size_t bytes = 512 << 10;
  std::size_t nodes = 50'000;  ///< with aliases expanded
  int depth = 100;
};

struct Problem {
  Mark mark;
  std::string message;
  std::string hint;
  bool form = true;  ///< the text is no YAML; else it is, but a value in it is refused
};

struct Document {
  std::optional<Node> root;  ///< nothing for an empty document, or one that cannot be read
  std::vector<Problem> problems;
  /// False when parts of the text had to be left out to go on after a problem: what is missing
  /// then may well be there.
  bool whole = true;
};

/// Reads one document. After a mistake in a top-level block, that block is left out and the rest is
/// read on, so that all mistakes come at once.
Document parse(std::string_view text, std::uint32_t file, const Limits& limits = {});

}  // namespace cupola::meltano::yaml
