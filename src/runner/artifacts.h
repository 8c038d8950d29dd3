#pragma once

/// Files that a run left and its project asked to keep (`annotations: cupola: artifacts:`).

#include <vector>

#include "base/home.h"
#include "store/artifacts.h"
#include "store/release_content.h"
#include "store/runs.h"

namespace cupola::runner {

inline constexpr std::size_t most_artifacts = 100;                ///< of one run
inline constexpr std::int64_t most_artifact_bytes = 256ll << 20;  ///< together

/// Copies what the globs name of the files that the attempt wrote, in its layer or in what it
/// persists, to Home::artifacts, in the folder of its lease token. Links are not followed; what is
/// as in the checkout is not the run's. Files beyond the limits, and those that cannot be copied,
/// are told with the reason. For runs that have ended, before their folder is wiped.
std::vector<store::Artifact> copy_artifacts(const Home& home, const store::Run& run,
                                            const store::ReleaseContent& content,
                                            std::int64_t lease_token);

/// Removes what other attempts of the run left there, or, where they are not kept, what this one
/// did.
void settle_artifacts(const Home& home, const RunId& run, std::int64_t lease_token, bool are_kept);

}  // namespace cupola::runner
