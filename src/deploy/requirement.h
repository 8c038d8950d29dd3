#pragma once

/// A plugin's `pip_url`, taken apart: what of it goes into a requirements file, what onto uv's
/// command lines, and what of it lies in the repository.

#include <string>
#include <string_view>
#include <vector>

#include "base/outcome.h"

namespace cupola::deploy {

struct Requirement {
  std::vector<std::string> lines;    ///< of a requirements file
  std::vector<std::string> options;  ///< for both `uv pip compile` and `uv pip install`
  std::vector<std::string> local;    ///< folders and archives, as written
  std::vector<std::string> files;    ///< of -r and -c, as written, but no URLs
  /// Names and versions alone: all of it comes from the operator's index.
  bool index_only = true;
};

/// Takes the words that `pip` takes, variables expanded. Options that only say how to install
/// (--upgrade, --no-cache-dir) are left out; unknown ones are handed to uv, which has the last
/// word. Errors: invalid (an open quote; an option without its value; nothing to install).
Result<Requirement> parse_requirement(std::string_view pip_url);

}  // namespace cupola::deploy
