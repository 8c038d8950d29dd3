#pragma once

/// From a checkout to all that a release needs, without touching the live one: what a deploy and
/// its dry run have in common.

#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/content.h"
#include "deploy/environments.h"
#include "deploy/plan.h"
#include "store/release_content.h"

namespace cupola::deploy {

struct Prepared {
  store::ReleaseContent content;
  Lock lock;
  std::map<std::string, std::string> fingerprints;  ///< by the id of a lock entry
  std::vector<PluginChange> plugins;
};

/// What Meltano and the project's plugins are given of the deployment's secrets and variables: all
/// but git's key.
std::map<std::string, std::string> variables_of(const Source& source);

/// Reads and judges the project in the checkout.
Judged inspect_checkout(const Source& source, std::string_view environment,
                        std::chrono::milliseconds shortest_interval);

/// Freezes what plugins and meltano itself need, fills in the content's environments, and compares
/// with the live lock; `before` is the one whose resolutions are kept. With `only_known` nothing is
/// resolved unless `refresh` asks for it: for a dry run. Errors: those of Environments::freeze (all
/// plugins that fail in one message), invalid for a `requires_meltano` that cannot be met.
Result<Prepared> prepare(Environments& environments, const Source& source, Judged judged,
                         const Lock& before, const Lock& live, bool refresh, bool only_known,
                         const Progress& progress, const std::stop_token& stop);

/// Builds what is missing of the lock, and enters into the content what it became.
Result<void> build_missing(Environments& environments, const Source& source, Prepared& prepared,
                           const Progress& progress, const std::stop_token& stop);

/// The name under which meltano's own environment stands in a lock.
inline constexpr const char* meltano_name = "meltano";

}  // namespace cupola::deploy
