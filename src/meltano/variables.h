#pragma once

/// Variables in texts of a project, as official Meltano expands them: `${any_word}` and
/// `$UPPER_CASE`; a backslash before the `$` keeps it; one pass, what comes in is not looked at
/// again; an unset variable is empty text.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace cupola::meltano::variables {

using Values = std::map<std::string, std::string>;

struct Expanded {
  std::string text;
  std::vector<std::string> used;   ///< the variables named, each once, in order of appearance
  std::vector<std::string> unset;  ///< those of them that have no value
};

/// The text with its variables replaced.
Expanded expand(std::string_view text, const Values& values);

/// All texts in lists and mappings expanded, at any depth; keys stay as they are.
json::value expand_all(const json::value& value, const Values& values);

/// The variables that a text names, each once, in order of appearance.
std::vector<std::string> used(std::string_view text);

}  // namespace cupola::meltano::variables
