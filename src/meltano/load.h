#pragma once

/// The files of a project, read and merged into one tree.

#include <filesystem>
#include <optional>

#include "meltano/report.h"
#include "meltano/yaml.h"

namespace cupola::meltano {

struct Loaded {
  std::optional<yaml::Node> tree;  ///< a mapping, or nothing when there is none to go on with
  /// False when parts had to be left out: references to what is missing mean nothing then.
  bool whole = true;
};

/// Reads `meltano.yml` of the folder and what its `include_paths` find, and merges them as official
/// Meltano does: mappings key by key, lists appended, all else replaced by the later file.
Loaded load(const std::filesystem::path& root, const std::filesystem::path& folder, Report& report);

/// Merges `more` into `base`. False when official Meltano could not: a mapping or list meets
/// something else. The fault is reported then and the rest merged.
bool merge_into(yaml::Node& base, yaml::Node more, Report& report);

}  // namespace cupola::meltano
