#pragma once

/// The words that start cupola-launch. Inner to `process`.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/outcome.h"
#include "process/program.h"

namespace cupola::process {

/// What cupola-launch does before it becomes the program; giving up all rights goes without saying.
struct LaunchOrders {
  std::optional<unsigned> uid;
  std::vector<ResourceLimit> limits;
  int report = -1;  ///< see process/launch.h
  bool dies_with_parent = false;
};

/// The launcher, open under a number at which it can be executed wherever it lies: nothing of it
/// needs to be shown inside. It is beside the program that runs, or at the top of the build tree in
/// which that lies. Errors: not_found.
Result<Fd> open_launcher();

/// The words before those of the program. `launcher` is to be inherited under its number.
std::vector<std::string> launch_words(const Fd& launcher, const LaunchOrders& orders);

/// Hides variables that steer the dynamic loader (LD_PRELOAD and its like) from the helpers on the
/// way; cupola-launch gives them their names back.
std::map<std::string, std::string> late_environment(const std::map<std::string, std::string>& env);

}  // namespace cupola::process
