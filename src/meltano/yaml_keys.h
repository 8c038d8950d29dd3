#pragma once

/// Keys of mappings, and words for mistakes of form.

#include <string>
#include <string_view>

#include "meltano/yaml.h"

namespace cupola::meltano::yaml {

/// What makes two keys the same for Python: 1, 1.0 and true are, 1 and "1" are not. Empty for lists
/// and mappings, which are not compared.
std::string identity(const Node& key);

/// Appends a key that is a list or a mapping as short text: `{{ x }}` without quotes is one.
void write_key(const Node& node, std::string& text);

/// What to do about a mistake that libyaml calls `what`, on this line.
std::string hint_for(std::string_view what, std::string_view line);

}  // namespace cupola::meltano::yaml
