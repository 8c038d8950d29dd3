#pragma once

/// Reading a mapping whose keys official Meltano hands to a constructor: which keys it takes, which
/// it must have, and what kind their values are.

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "meltano/report.h"
#include "meltano/yaml.h"

namespace cupola::meltano {

/// One entry (a schedule, a plugin …) and the report that its faults go to.
class Fields {
 public:
  /// `what` names the entry in messages: "The schedule".
  Fields(const yaml::Node& node, std::string what, Report& report)
      : node_(node), what_(std::move(what)), report_(report) {}

  /// False, with a fault, when the entry is no mapping. Keys that are no text are faults as well.
  bool is_mapping() const;
  /// A fault for each key that is not among these (`annotations` is taken everywhere).
  void allow_only(std::initializer_list<std::string_view> keys, std::string_view hint) const;
  /// A fault for each key that is among these: official Meltano has a use of its own for them.
  void forbid(std::initializer_list<std::string_view> keys) const;
  /// A fault when the key is absent; its value may be null.
  bool require(std::string_view key, std::string_view hint) const;

  const yaml::Node* find(std::string_view key) const { return node_.find(key); }
  /// The value as text: of a scalar what Python's str() gives; empty when absent or null. A list or
  /// mapping is a warning and gives "".
  std::string text(std::string_view key) const;
  std::map<std::string, std::string> texts(std::string_view key) const;
  /// The value as JSON, as official Meltano copies it.
  json::object object(std::string_view key) const;
  std::vector<std::string> list(std::string_view key) const;
  bool flag(std::string_view key) const;
  /// Place of the entry, or of a key's value where there is one.
  yaml::Mark mark_of(std::string_view key) const;
  const yaml::Node& node() const { return node_; }
  Report& report() const { return report_; }
  const std::string& what() const { return what_; }

 private:
  const yaml::Node& node_;
  std::string what_;
  Report& report_;
};

/// The keys of `node` that are not among `known`, as JSON.
json::object other_keys(const yaml::Node& node, std::initializer_list<std::string_view> known);

}  // namespace cupola::meltano
