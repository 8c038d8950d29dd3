#pragma once

/// The state files of a run: written before it starts, read while it goes and when it ended.
///
/// The folder belongs to the run: what stands there is foreign. Links, devices, torn or oversized
/// files are passed over, never followed.

#include <filesystem>
#include <string>
#include <vector>

#include "store/states.h"

namespace cupola::runner {

/// Writes `<folder>/<state id>/state.json` for each state. Throws Failure.
void seed_states(const std::filesystem::path& folder,
                 const std::vector<store::CapturedState>& states);

/// The states that stand there now, whole ones only, by state id. `trouble` gets a line for each
/// that was passed over for another reason than being rewritten just now.
std::vector<store::CapturedState> read_states(const std::filesystem::path& folder,
                                              std::vector<std::string>& trouble);

}  // namespace cupola::runner
