#pragma once

/// The states of another Meltano, from where it keeps them: a folder or a database.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/outcome.h"

namespace cupola::cli {

struct FoundState {
  std::string state_id;
  json::object payload;  ///< {"completed": {…}, "partial": {…}}
};

/// Everything in `from`, by state id:
///
///   DIR, file://DIR       a folder of `<state id>/state.json`, as a `file:` state backend and
///                         copies of s3, gs and azure ones are; or a project with
///                         .meltano/meltano.db
///   FILE, sqlite:///FILE  a system database
///   postgresql://…        likewise
///
/// Errors: not_found, invalid (what stands there is no state; s3:, gs:, azure: and others, with how
/// to make a copy that can be read).
Result<std::vector<FoundState>> read_states(const std::string& from);

}  // namespace cupola::cli
