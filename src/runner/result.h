#pragma once

/// How a run ended, in the words of the product, from what its supervisor left.

#include <filesystem>
#include <optional>
#include <string>

#include "runner/options.h"
#include "store/runs.h"
#include "supervisor/spec.h"

namespace cupola::runner {

/// The result of a run whose supervisor wrote an outcome.
store::RunResult result_of(const store::Run& run, const supervisor::Outcome& outcome,
                           const std::filesystem::path& log, const Options& options);

/// The result of a run whose supervisor is gone without one.
store::RunResult lost_result(std::string_view why);

/// The line of Cupola's own that opens an attempt in the run's log, but for the first.
std::string opening_of(const store::Run& run);

/// The first line of the log that says what went wrong, for a person: among the last lines of the
/// run's present attempt, the first error that meltano or a plugin reported, else the last line of
/// all. Empty without lines.
std::string first_cause(const store::Run& run, const std::filesystem::path& log);

}  // namespace cupola::runner
