#pragma once

/// One pass over one text: libyaml's events become nodes. `parse` of yaml.h calls it, several times
/// where it goes on after a mistake.

#include <string_view>

#include "meltano/yaml.h"

namespace cupola::meltano::yaml {

struct Composed {
  std::optional<Node> root;
  std::vector<Problem> problems;
  /// The line of the mistake of form at which the reading stopped; 0 when it went to the end, or
  /// over a limit. What comes after may be worth a look.
  std::uint32_t stopped_at = 0;
};

/// `text` is valid UTF-8 without a byte order mark.
Composed compose(std::string_view text, std::uint32_t file, const Limits& limits);

}  // namespace cupola::meltano::yaml
