#pragma once

/// What `annotations: cupola:` says of a project as a whole. Private.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::deploy {

struct ProjectNotes {
  std::vector<std::string> persist;    ///< folders in the project's directory that outlive runs
  std::vector<std::string> watch;      ///< paths in the repository whose change is one too
  std::vector<std::string> build;      ///< tasks of `meltano run`, done once for each release
  std::vector<std::string> artifacts;  ///< globs in the project's directory, kept of each run
  std::vector<Error> faults;           ///< each names its key
};

/// The notes under `cupola` of an object `annotations`.
const json::object& cupola_notes(const json::object& annotations);

/// `directory` is the project's in the repository: paths of `watch` count from it, as all in
/// meltano.yml do, and may lead out of it, not out of the repository.
ProjectNotes read_project_notes(const json::object& notes, std::string_view directory);

}  // namespace cupola::deploy
