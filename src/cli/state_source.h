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
///   DIR, file://DIR       a folder of `<state id>/state.json`, as a `file:` state backend is; or a
///                         project with .meltano/meltano.db
///   FILE                  a system database, or what `meltano state export` printed
///   sqlite:///FILE        a system database
///   postgresql://…        likewise
///   s3://… and others     a state backend of Meltano, which the program `meltano` is asked to read
///                         (cli/state_export.h)
///
/// Errors: not_found, invalid (what stands there is no state, or Meltano cannot read it).
Result<std::vector<FoundState>> read_states(const std::string& from, const std::string& meltano);

}  // namespace cupola::cli
